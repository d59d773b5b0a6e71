// Making and renewing elements without losing focus, selection or open details.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element with attributes, listeners (`onclick`) and children. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element, likewise. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Sets a text, and touches the document only when it is another one. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** Sets or removes an attribute, likewise. */
export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
}

/**
 * Makes a container show one element per item, in order, keeping the elements of items that stay.
 *
 * `make(item)` returns an element; `renew(element, item)` brings it up to date.
 */
export function keyed(container, items, keyOf, make, renew) {
  const old = new Map();
  for (const child of container.children) if (child.dataset.key !== undefined) old.set(child.dataset.key, child);
  let place = container.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let node = old.get(key);
    if (node) {
      old.delete(key);
    } else {
      node = make(item);
      node.dataset.key = key;
    }
    renew?.(node, item);
    if (node === place) place = place.nextElementSibling;
    else container.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

/**
 * A table whose rows are keyed by their first cell.
 *
 * `columns` are `{label, cell(item), numeric, wide}`; a cell is text or a node. Narrow screens show rows as cards.
 */
export function table(caption, columns, keyOf, emptyText) {
  const body = h("tbody");
  const empty = h("p", { class: "empty", hidden: true }, emptyText);
  const head = h("tr", null, columns.map((column) =>
    h("th", { scope: "col", class: column.numeric ? "number" : null }, column.label)));
  const grid = h("table", { class: "cards" }, h("caption", { class: "unseen" }, caption), h("thead", null, head), body);
  const element = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, grid, empty);

  function make() {
    return h("tr", null, columns.map((column, position) =>
      h(position === 0 ? "th" : "td", {
        scope: position === 0 ? "row" : null,
        class: column.numeric ? "number" : column.wide ? "wide" : null,
        "data-label": column.label,
      })));
  }

  function renew(row, item) {
    columns.forEach((column, position) => {
      const value = column.cell(item);
      const cell = row.children[position];
      if (value instanceof Node) {
        if (!cell.firstChild || !cell.firstChild.isEqualNode(value) || cell.childNodes.length !== 1) {
          cell.replaceChildren(value);
        }
      } else {
        text(cell, value);
      }
    });
  }

  return {
    element,
    update(items) {
      keyed(body, items, keyOf, make, renew);
      empty.hidden = items.length > 0;
      grid.hidden = items.length === 0;
    },
  };
}
