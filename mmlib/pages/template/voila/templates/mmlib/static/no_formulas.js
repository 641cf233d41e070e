// Voilà's front end always asks for a typesetter of formulas, by default from another host. No page has formulas.
window.MathJax = {
  Hub: {
    Config() {},
    Configured() {},
    Queue() {},
    Register: { StartupHook() {} },
  },
};
