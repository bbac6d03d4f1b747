/* What pages do beyond plain HTML. Every element works without its script; these make it comfortable. */
import "./arrow-keys.js";
import "./compare-slider.js";
import "./connection-note.js";
import "./kept-scroll.js";
import "./last-words.js";
import "./loaded-images.js";
import "./panel-voice.js";
import "./passkeys.js";
import "./photo-grid.js";
import "./upload-desk.js";
