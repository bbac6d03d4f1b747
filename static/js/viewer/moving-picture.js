/* What moves in a photo: a Live Photo's video, which plays over the picture when asked for, or an animation, which plays by itself unless the
   user prefers less motion. */
import { prefersStills, removeStill, showStill } from "../still.js";

export class MovingPicture {
  #picture;
  #liveButton;
  #animationButton;
  #onError;

  /** `article` is the viewer's; `onError(text)` is called if the browser cannot play the video. */
  constructor(article, onError) {
    this.#picture = article.querySelector(".viewer__picture");
    this.#liveButton = article.querySelector("#viewer-live");
    this.#animationButton = article.querySelector("#viewer-animation");
    this.#onError = onError;
    if (this.#animationButton && prefersStills()) this.#setPlaying(false);
  }

  /** Plays what moves, or stops it. */
  toggle() {
    if (this.#liveButton) return this.#toggleLive();
    if (this.#animationButton) this.#setPlaying("still" in this.#image.dataset);
  }

  get #image() {
    return this.#picture.querySelector(".viewer__image");
  }

  #setPlaying(isPlaying) {
    const label = `${isPlaying ? "Pause" : "Play"} animation`;
    this.#animationButton.dataset.isPlaying = isPlaying ? "yes" : "";
    this.#animationButton.title = `${label} (P)`;
    this.#animationButton.querySelector(".visually-hidden").textContent = label;
    if (isPlaying) removeStill(this.#image);
    else showStill(this.#image);
  }

  async #toggleLive() {
    const playing = this.#picture.querySelector(".viewer__live");
    if (playing) return this.#endLive(playing);
    const video = document.createElement("video");
    Object.assign(video, { src: this.#liveButton.dataset.video, className: "viewer__live", playsInline: true });
    video.addEventListener("ended", () => this.#endLive(video));
    this.#picture.append(video);
    this.#liveButton.setAttribute("aria-pressed", "true");
    try {
      await video.play();
    } catch {
      if (!video.isConnected) return; // stopped meanwhile
      this.#endLive(video);
      this.#onError("This browser can’t play the Live Photo’s video. Download it under Details.");
    }
  }

  #endLive(video) {
    video.remove();
    this.#liveButton.setAttribute("aria-pressed", "false");
  }
}
