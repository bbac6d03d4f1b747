// Uppy with the default AwsS3 plugin: only the Companion's URL is configured. esbuild bundles it into one script.
import Uppy from "@uppy/core";
import AwsS3 from "@uppy/aws-s3";

const uppy = new Uppy({ autoProceed: true }).use(AwsS3, window.options);
uppy.on("complete", ({ successful, failed }) => {
  document.title = failed.length ? `failed: ${failed[0].error}` : `sent ${successful.length}`;
});
uppy.on("s3-multipart:part-uploaded", () => (window.parts = (window.parts ?? 0) + 1));
const input = Object.assign(document.createElement("input"), { type: "file", id: "uppy" });
input.addEventListener("change", () => {
  for (const file of input.files) uppy.addFile({ name: file.name, type: file.type, data: file });
});
document.title = "";
document.body.append(input);
window.uppy = uppy;
