/* Requests that run in the background and must reach the server: deleting an upload, cancelling the rest of a batch. */

const MAX_ATTEMPTS = 5;

/** Repeats the request until the server answers. Any response ends it, since repeating these requests changes nothing. */
export async function repeatUntilAnswered({ request, connection }, method, url, headers = {}) {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    await connection.untilOpen();
    const { status } = await request(method, url, { headers }).catch(() => ({ status: 0 }));
    if (status) return;
    connection.close({ kind: "unreachable" });
  }
}
