/* Which photos are selected: some by their ids, or all of the album or search except some. Pure. */

export class Selected {
  #isAll = false;
  #ids = new Set(); // the selected photos, or if all are selected, the exceptions
  #anchor = null; // where a range begins
  #range = []; // what the last extension of the range has selected

  get isAll() {
    return this.#isAll;
  }

  has(id) {
    return this.#isAll !== this.#ids.has(id);
  }

  /** The number of selected photos. `total`: of the whole album or search. */
  count(total) {
    return this.#isAll ? Math.max(0, total - this.#ids.size) : this.#ids.size;
  }

  set(ids, isSelected) {
    for (const id of ids) {
      if (isSelected === this.#isAll) this.#ids.delete(id);
      else this.#ids.add(id);
    }
  }

  /** Selects the photo, or deselects it. The next range begins at it. */
  toggle(id) {
    this.set([id], !this.has(id));
    this.#anchor = id;
    this.#range = [];
  }

  /** Selects the photos from the anchor to this one instead of those of the last range. `order`: the ids as they are shown. */
  extendTo(id, order) {
    if (!order.includes(this.#anchor)) this.#anchor = id;
    const [first, last] = [order.indexOf(this.#anchor), order.indexOf(id)].sort((a, b) => a - b);
    const range = order.slice(first, last + 1);
    this.set(this.#range, false);
    this.#range = range.filter((one) => !this.has(one));
    this.set(range, true);
  }

  selectAll() {
    this.clear();
    this.#isAll = true;
  }

  clear() {
    this.#isAll = false;
    this.#ids.clear();
    this.#anchor = null;
    this.#range = [];
  }

  /** Returns a function that restores this state. */
  snapshot() {
    const [isAll, ids] = [this.#isAll, [...this.#ids]];
    return () => {
      this.#isAll = isAll;
      this.#ids = new Set(ids);
    };
  }

  /** The form fields from which albums/selection/selection.py reads the same selection. Empty values are not sent. */
  fields() {
    const ids = [...this.#ids].join(",");
    return this.#isAll ? { all: "1", except: ids, ids: "" } : { all: "", except: "", ids };
  }
}
