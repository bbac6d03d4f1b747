/* Requests that nobody waits for, and that must arrive all the same: taking an upload back, cancelling the rest. */

const TRIES = 5;

/** Asked again while nobody answers; whatever is answered ends it, since repeating these changes nothing. */
export async function insist({ request, line }, method, url, headers = {}) {
  for (let tries = 0; tries < TRIES; tries++) {
    await line.open();
    const { status } = await request(method, url, { headers }).catch(() => ({ status: 0 }));
    if (status) return;
    line.shut({ is: "away" });
  }
}
