// @tus/server as its documentation starts it, with files on the local disk. Arguments: port, directory, and "fsync" to have
// each file and its name on the disk before its last answer.
import { open } from "node:fs/promises";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const [port, directory, wish] = process.argv.slice(2);

async function sync(path) {
  const handle = await open(path);
  await handle.sync();
  await handle.close();
}

async function onUploadFinish(_request, upload) {
  await sync(upload.storage.path);
  await sync(directory);
  return {};
}

const server = new Server({
  path: "/files",
  datastore: new FileStore({ directory }),
  ...(wish === "fsync" ? { onUploadFinish } : {}),
});
server.listen({ host: "127.0.0.1", port: Number(port) });
