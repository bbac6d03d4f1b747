/* Keeps <details> with an id open or closed, as the user left them, when htmx replaces the region around them. */

const openStates = new Map();

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  for (const details of detail.target.querySelectorAll("details[id]")) openStates.set(details.id, details.open);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, isOpen] of openStates) document.getElementById(id)?.toggleAttribute("open", isOpen);
  openStates.clear();
});
