"use strict";
// Find and make elements. Everything of the API's and of files is set as text, never as HTML.

const at = (id) => document.getElementById(id);

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
