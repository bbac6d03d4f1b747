/* <toast-list id="toasts">: what actions did (templates/_toasts.html). Plain successes disappear after a while; a toast with a warning or a form
   stays until it is closed, and nothing disappears while it is used, or for users who prefer reduced motion.
   htmx adds toasts by hx-swap-oob="beforeend:#toasts", scripts by show(). */

const SHOWN_MS = 8000;
const LEAVING_MS = 200;
const STAYS = ".toast--warning, .toast--error, :has(form, a)";

class ToastList extends HTMLElement {
  #observer = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((node) => this.#added(node))));

  connectedCallback() {
    this.addEventListener("click", ({ target }) => target.closest(".toast__close") && this.#close(target.closest(".toast")));
    this.#observer.observe(this, { childList: true });
    this.#announceToasts();
  }

  /* Screen readers announce only changes: toasts that came with the page are added again when it is shown. */
  #announceToasts() {
    const toasts = [...this.querySelectorAll(".toast")];
    toasts.forEach((toast) => this.#added(toast));
    const isUsed = () => this.contains(document.activeElement);
    setTimeout(() => isUsed() || toasts.filter((toast) => toast.isConnected).forEach((toast) => this.append(toast)), 300);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  /** Shows a text or node as a toast of the level "info", "success", "warning" or "error", instead of all others. */
  show(content, level = "info") {
    const toast = this.querySelector("template").content.firstElementChild.cloneNode(true);
    toast.classList.add(`toast--${level}`);
    toast.querySelector(".toast__text").replaceChildren(content);
    this.replaceToasts([toast]);
  }

  /** Shows HTML that the server rendered, as a toast of the level "success", instead of all others. */
  showRendered(html) {
    const content = document.createRange().createContextualFragment(html);
    const elements = [...content.children];
    this.show(content, "success");
    for (const element of elements) window.htmx?.process(element);
  }

  /** Shows these elements instead of the toasts so far. */
  replaceToasts(toasts) {
    for (const toast of this.querySelectorAll(".toast")) toast.remove();
    this.append(...toasts);
  }

  #added(toast) {
    const isStaying = toast.matches?.(STAYS) || matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (toast.matches?.(".toast") && !isStaying) setTimeout(() => this.#expire(toast), SHOWN_MS);
  }

  #expire(toast) {
    if (!toast.isConnected) return;
    if (toast.matches(":hover, :focus-within")) return void setTimeout(() => this.#expire(toast), SHOWN_MS);
    toast.classList.add("is-leaving");
    setTimeout(() => toast.remove(), LEAVING_MS);
  }

  #close(toast) {
    const hadFocus = toast.contains(document.activeElement);
    toast.remove();
    if (hadFocus) document.querySelector("main")?.focus({ preventScroll: true });
  }
}

customElements.define("toast-list", ToastList);
