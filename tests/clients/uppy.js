// Uppy as a page would use it; esbuild bundles it into one script. Its Tus plugin stores the URLs of uploads in localStorage.
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

const token = () => document.cookie.match(/csrftoken=(\w+)/)[1];

const uppy = new Uppy({ autoProceed: true }).use(Tus, {
  endpoint: document.body.dataset.endpoint,
  chunkSize: 8 * 2 ** 20,
  onBeforeRequest: (request) => request.setHeader("X-CSRFToken", token()),
});
uppy.on("complete", ({ successful, failed }) => {
  document.title = failed.length ? `failed: ${failed[0].error}` : `sent ${successful.length}`;
});
document.querySelector("input").addEventListener("change", (event) => {
  for (const file of event.target.files) uppy.addFile({ name: file.name, type: file.type, data: file });
});
