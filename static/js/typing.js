/* Whether a key belongs to a text field rather than to the page's shortcuts. */

export const TEXT_FIELDS = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

export function isTyping(target) {
  return Boolean(target?.closest?.(TEXT_FIELDS));
}
