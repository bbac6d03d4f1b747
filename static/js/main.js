/* The custom elements and listeners of all pages. Every page works without them. */
import "./elements/add-photos.js";
import "./elements/album-selection.js";
import "./elements/compare-slider.js";
import "./elements/connection-status.js";
import "./elements/preserve-details.js";
import "./elements/final-announcer.js";
import "./elements/image-loaded.js";
import "./elements/menus.js";
import "./elements/panel-announcer.js";
import "./elements/passkey-form.js";
import "./elements/photo-grid.js";
import "./elements/photo-viewer.js";
import "./elements/toast-list.js";
import "./elements/search-key.js";
import "./elements/undo-key.js";
import "./elements/upload-desk.js";
import "./elements/view-menu.js";
