/* <connection-status>: guards the regions that are polled, and shows a note when the server does not answer.

   If the page's object was deleted, it shows that (data-gone, with a link: data-back, data-back-text), or that it is in the trash (data-trash,
   data-restore), and dispatches the event "gone" for the rest of the page, whose detail says which.

   A region is replaced only by a new version of itself, never by a sign-in page or a proxy's error page. */

class ConnectionStatus extends HTMLElement {
  #isPressed = false;
  #stop;
  #message = null;

  connectedCallback() {
    this.#stop = new AbortController(); // a new one each time: the tray around it is moved
    const { signal } = this.#stop;
    const on = (names, listener) => names.forEach((name) => document.addEventListener(name, listener, { signal, capture: true }));
    on(["htmx:beforeSwap"], this.#beforeSwap);
    on(["htmx:sendError", "htmx:responseError", "htmx:timeout"], this.#onError);
    // A button that is replaced between press and release would lose the click.
    on(["pointerdown"], () => (this.#isPressed = true));
    on(["pointerup", "pointercancel", "dragend"], () => (this.#isPressed = false));
    on(["keydown"], (event) => (this.#isPressed ||= event.key === " "));
    on(["keyup"], () => (this.#isPressed = false));
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  #beforeSwap = (event) => {
    const { target, xhr, requestConfig } = event.detail;
    if (!target?.id) return;
    if (isPoll(requestConfig) && this.#isPressed) {
      event.detail.shouldSwap = false;
    } else if (xhr.status < 300 && !xhr.responseText.includes(`id="${target.id}"`)) {
      event.detail.shouldSwap = false;
      this.#show("You’ve been signed out.", { textContent: "Sign in again", target: "_blank" }); // chosen files stay on this page
    } else if (event.detail.shouldSwap) {
      this.hidden = true;
    }
  };

  #onError = (event) => {
    const { requestConfig, xhr } = event.detail;
    if (!isPoll(requestConfig)) this.#show("Something went wrong. Try again in a moment.");
    else if (xhr?.status === 404 || xhr?.status === 410) this.#showGone(xhr.status === 410);
    else if (!requestConfig.elt.matches("[hx-trigger]")) return;
    else this.#show(navigator.onLine ? "Can’t reach the server. Retrying automatically." : "You’re offline. This page updates when you reconnect.");
  };

  #showGone(isInTrash) {
    const { gone = "This is no longer available.", back = location.href, backText = "Reload the page", trash, restore } = this.dataset;
    if (isInTrash && trash) this.#show(trash, { href: location.href, textContent: restore });
    else this.#show(gone, { href: back, textContent: backText });
    this.dispatchEvent(new CustomEvent("gone", { bubbles: true, detail: { isInTrash } }));
  }

  #show(message, link) {
    if (!this.hidden && this.#message === message) return;
    this.#message = message;
    this.replaceChildren(message);
    if (link) {
      this.append(" ", Object.assign(document.createElement("a"), { href: location.href, ...link }));
    }
    this.hidden = false;
  }
}

function isPoll(requestConfig) {
  return requestConfig?.verb === "get";
}

customElements.define("connection-status", ConnectionStatus);
