// The address bar says what the page shows, so that a reload or a friend finds the same.
function render({ model, el }) {
  el.hidden = true;
  const show = () => {
    if (document.body.dataset.voila !== "voila") return;
    const query = model.get("query");
    history.replaceState(history.state, "", query ? `${location.pathname}?${query}` : location.pathname);
  };
  model.on("change:query", show);
  // on the first look the address is what brought the user here
}
export default { render };
