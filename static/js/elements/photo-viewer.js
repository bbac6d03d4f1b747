/* <photo-viewer>: shows one photo after the other without loading pages. Each photo has its URL, which replaces the one before in the
   history, so that Back leads to the album.

   All controls are links and forms that work without this script; buttons with [data-action] work only with it. Server-rendered pages
   of the photos before and after are preloaded, and replace the element's article. */
import { record } from "../grid/last-photo.js";
import { keepFocus } from "../kept-focus.js";
import { Gestures } from "../viewer/gestures.js";
import { Idle } from "../viewer/idle.js";
import { MovingPicture } from "../viewer/moving-picture.js";
import { Pages } from "../viewer/pages.js";
import { shortcut } from "../viewer/shortcuts.js";
import { Slideshow } from "../viewer/slideshow.js";
import { Zoom } from "../viewer/zoom.js";

const ZOOM_STEP = 1.5;
const MOVE_PX = 80;
const DETAILS = "viewer-details";
const WAITING = ["previous", "next", "delete", "edit"];
const KEPT_OPEN = "#viewer-info, .drawer__technical";

class PhotoViewer extends HTMLElement {
  #pages = new Pages();
  #idle;
  #zoom;
  #moving;
  #slideshow = new Slideshow(this, {
    next: () => this.#actions.next(),
    hasNext: () => Boolean(this.#find("[rel=next]")),
    isHeld: () => this.#zoom.isZoomed || Boolean(this.#find("dialog[open]")),
    announce: (text) => this.#announce(text),
  });
  #isBusy = false;
  #waiting = []; // actions of the keyboard, ratings and turns, until the page before has been loaded

  connectedCallback() {
    this.#idle = new Idle(this);
    document.addEventListener("keydown", this.#onKeyDown);
    document.addEventListener("fullscreenchange", this.#onFullscreenChange);
    document.addEventListener("submit", this.#onSubmit); // also of the form in a message, which is outside
    this.addEventListener("click", this.#onClick);
    if (localStorage.getItem(DETAILS)) this.#find("#viewer-info").open = true;
    this.#prepare();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#onKeyDown);
    document.removeEventListener("fullscreenchange", this.#onFullscreenChange);
    document.removeEventListener("submit", this.#onSubmit);
    this.#slideshow.set(false);
  }

  #actions = {
    previous: () => this.#find("[rel=prev]")?.click(),
    next: () => this.#find("[rel=next]")?.click(),
    close: () => this.#closeInnermost(),
    slideshow: () => this.#slideshow.toggle(),
    fullscreen: () => this.#toggleFullscreen(),
    details: () => this.#find("#viewer-info > summary").click(),
    delete: () => this.#find("#viewer-delete")?.click(),
    shortcuts: () => this.#find("dialog").showModal(),
    edit: () => (keepFocus(), this.#find("#viewer-edit")?.click()),
    "rotate-right": () => this.#find(`.viewer__turns [value="right"]`)?.click(),
    "rotate-left": () => this.#find(`.viewer__turns [value="left"]`)?.click(),
    play: () => this.#moving.toggle(),
    "zoom-in": () => this.#zoomAndAnnounce(() => this.#zoom.by(ZOOM_STEP)),
    "zoom-out": () => this.#zoomAndAnnounce(() => this.#zoom.by(1 / ZOOM_STEP)),
    "actual-size": () => this.#zoomAndAnnounce(() => this.#zoom.toggle(undefined, this.#zoom.actualScale)),
    "move-left": () => this.#zoom.move(MOVE_PX, 0),
    "move-right": () => this.#zoom.move(-MOVE_PX, 0),
    "move-up": () => this.#zoom.move(0, MOVE_PX),
    "move-down": () => this.#zoom.move(0, -MOVE_PX),
  };

  #onKeyDown = (event) => {
    if (this.#find("dialog[open]")) return;
    const action = shortcut(event);
    this.#idle.show({ isLasting: true });
    if (!action) return;
    event.preventDefault();
    if (action.startsWith("rate-")) this.#find(`.rating [value="${action.at(-1)}"]`)?.click();
    else if (!this.#isBusy || !WAITING.includes(action)) this.#actions[action]();
    else if (!event.repeat) this.#waiting.push(() => this.#actions[action]());
  };

  #onClick = (event) => {
    const link = event.target.closest("a[href]");
    const { action } = event.target.closest("[data-action]")?.dataset ?? {};
    if (!event.target.closest("#viewer-more")) this.#find("#viewer-more").open = false;
    if (action in this.#actions) {
      this.#find("#viewer-more").open = false;
      this.#actions[action]();
    } else if (link && isPlainClick(event) && link.matches("[rel=prev], [rel=next], .viewer__strip a, .alike__link")) {
      event.preventDefault();
      this.#go(link.href);
    } else if (link?.rel === "up" && isPlainClick(event)) {
      event.preventDefault();
      this.#close();
    }
  };

  #onSubmit = async (event) => {
    const form = event.target;
    const isUndo = form.matches("#toasts form");
    const isRepeatable = form.matches(".rating, .viewer__turns");
    if (this.#isBusy && isRepeatable) {
      event.preventDefault();
      const button = `.${form.className} [value="${event.submitter.value}"]`;
      this.#waiting.push(() => this.#find(button)?.click());
      return;
    }
    // Without another photo, the form leads to the album.
    const isShownHere = isUndo || isRepeatable || (form.matches(".viewer__bar form") && this.#neighbourUrls().length);
    if (!isShownHere || event.defaultPrevented) return;
    event.preventDefault();
    const announcement = form.matches(".rating") ? event.submitter?.textContent.trim() : "";
    await this.#load(() => this.#pages.submit(form, event.submitter), form.action, { announcement, isForm: true });
  };

  #go(url) {
    return this.#load(() => this.#pages.take(url), url);
  }

  /** Shows the page that `load` returns. If it is not a photo, the browser opens the URL; after a form, the reloaded current page. */
  async #load(load, url, { announcement, isForm = false } = {}) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const page = await load();
      if (page && isForm) await page.isDecoded;
      if (page) this.#show(page, announcement);
      else if (isForm) location.reload();
      else location.assign(url);
    } catch {
      this.#notify("Can’t reach the server. Try again.");
    } finally {
      this.#isBusy = false;
    }
    this.#waiting.shift()?.();
  }

  #show({ url, title, viewer, toasts }, announcement) {
    const before = this.#find(".viewer");
    const focused = before.contains(document.activeElement) && document.activeElement;
    for (const details of before.querySelectorAll(KEPT_OPEN)) viewer.querySelector(details.id ? `#${details.id}` : ".drawer__technical").open = details.open;
    before.replaceWith(viewer);
    document.getElementById("toasts").replaceToasts(toasts);
    history.replaceState(history.state, "", url);
    document.title = title;
    if (focused) this.#restoreFocus(focused);
    this.#announce(announcement || this.#find("h1").textContent);
    this.#prepare();
  }

  /** Moves the focus from a control of the former article to the same one of this article. */
  #restoreFocus(former) {
    const isInStrip = former.closest(".viewer__strip");
    const control = isInStrip ? this.#find(".viewer__strip [aria-current]") : former.id && document.getElementById(former.id);
    (control || this.#find("#viewer-close")).focus({ preventScroll: true });
  }

  /** Connects the script with the article, and preloads what comes next. */
  #prepare() {
    const stage = this.#find(".viewer__stage");
    record(this.#find("[rel=up]").href);
    this.#zoom = new Zoom(stage);
    this.#moving = new MovingPicture(this.#find(".viewer"), (text) => this.#notify(text));
    new Gestures(stage, { zoom: this.#zoom, onSwipe: this.#onSwipe, onTap: () => this.#idle.toggle() });
    this.#find("#viewer-info").addEventListener("toggle", ({ target }) => {
      if (target.open) localStorage.setItem(DETAILS, "open");
      else localStorage.removeItem(DETAILS);
    });
    this.#find(".viewer__strip [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });
    this.#onFullscreenChange();
    this.#slideshow.set(this.#slideshow.isPlaying);
    const urls = this.#neighbourUrls();
    this.#pages.keepOnly(urls);
    for (const url of urls) this.#pages.preload(url);
  }

  /** The next photo's URL, then the previous one's. */
  #neighbourUrls() {
    return ["next", "prev"].map((rel) => this.#find(`[rel=${rel}]`)?.href).filter(Boolean);
  }

  #onSwipe = (direction) => {
    if (direction === "left") this.#actions.next();
    if (direction === "right") this.#actions.previous();
    if (direction === "down") this.#close();
  };

  /** Closes the open menu, or the drawer that has the focus; without either, returns to the album. */
  #closeInnermost() {
    const open = this.#find("#viewer-more[open]") ?? document.activeElement.closest("#viewer-info[open]");
    if (!open) return this.#close();
    open.open = false;
    return open.querySelector("summary").focus();
  }

  /** Returns to the album. If it is the page before in the history, its scroll position is kept that way. */
  #close() {
    const url = this.#find("[rel=up]").href;
    const { navigation } = window;
    const previous = navigation?.entries()[(navigation.currentEntry?.index ?? 0) - 1];
    if (previous?.url && new URL(previous.url).pathname === new URL(url).pathname) history.back();
    else location.assign(url);
  }

  async #toggleFullscreen() {
    try {
      await (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
    } catch {
      this.#announce("This browser cannot show pages full screen.");
    }
  }

  #onFullscreenChange = () => {
    this.#find("#viewer-fullscreen").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
  };

  #zoomAndAnnounce(change) {
    if (!this.#find(".viewer__image")) return;
    change();
    this.#announce(`${this.#zoom.percent} %`);
  }

  /** Shows an error, which is announced. */
  #notify(text) {
    document.getElementById("toasts").show(text, "error");
  }

  #announce(text) {
    this.#find(":scope > [role=status]").textContent = text;
  }

  #find(selector) {
    return this.querySelector(selector);
  }
}

function isPlainClick({ button, altKey, ctrlKey, metaKey, shiftKey }) {
  return !button && !altKey && !ctrlKey && !metaKey && !shiftKey;
}

customElements.define("photo-viewer", PhotoViewer);
