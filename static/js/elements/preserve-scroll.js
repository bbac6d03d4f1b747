/* Preserves the scroll position of lists when htmx replaces the region around them. Such a list has an id and [data-preserve-scroll]. */

const scrollTops = new Map();

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  for (const list of detail.target.querySelectorAll("[data-preserve-scroll]")) scrollTops.set(list.id, list.scrollTop);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, top] of scrollTops) document.getElementById(id)?.scrollTo({ top, behavior: "instant" });
  scrollTops.clear();
});
