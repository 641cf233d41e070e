// Tells the kernel that the page stands on the screen, and with it every widget that it is made of.
function render({ model, el }) {
  el.hidden = true;
  model.send({ type: "standing" });
}
export default { render };
