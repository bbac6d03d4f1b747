/* Files that lie in the sent folders and are not sent themselves. They are declared with the files that are sent to their album, so that
   the receipt lists them. */
export class SkippedFiles {
  #files = [];
  #persistence;
  #page;

  /** `page` is the id of the album to which files without an `album` belong. */
  constructor(persistence, page) {
    this.#persistence = persistence;
    this.#page = page;
  }

  get all() {
    return this.#files;
  }

  of(album) {
    return this.#files.filter((file) => (file.album ?? this.#page) === album);
  }

  /** Adds files: {path, size, modified, album, isSkipped, isCompanion} each. */
  add(files) {
    this.#files.push(...files);
  }

  /** Assigns the files to the albums made of their folders: `albums` maps folders to albums, `items` are the files that are sent.

      A file in none of the folders is declared with every album of this choice, so that no receipt calls a card safe to format that still
      holds it; a companion, which is not missed on a card, only with the first. */
  assign(albums, items) {
    const allAlbums = [...new Set(items.map(({ album }) => album ?? this.#page))];
    this.#files = this.#files.flatMap((file) => {
      if (file.album) return [file];
      const folders = file.path.split("/").slice(0, -1);
      while (folders.length && !albums.has(folders.join("/"))) folders.pop();
      const ownAlbum = albums.get(folders.join("/"));
      const targets = ownAlbum || !allAlbums.length ? [ownAlbum ?? null] : file.isCompanion ? allAlbums.slice(0, 1) : allAlbums;
      file.album = targets[0];
      return [file, ...targets.slice(1).map((album) => ({ ...file, album, key: undefined }))];
    });
  }

  /** Removes files that need not be declared again. */
  remove(files) {
    const removed = new Set(files);
    this.#files = this.#files.filter((file) => !removed.has(file));
    this.#persistence.forget([...removed]);
  }

  clear() {
    this.remove(this.#files);
  }
}
