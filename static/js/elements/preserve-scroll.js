/* A list that was scrolled stays so when the region around it is replaced. Such a list has an id and [data-keep-scroll]. */

const kept = new Map();

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  for (const list of detail.target.querySelectorAll("[data-keep-scroll]")) kept.set(list.id, list.scrollTop);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, top] of kept) document.getElementById(id)?.scrollTo({ top, behavior: "instant" });
  kept.clear();
});
