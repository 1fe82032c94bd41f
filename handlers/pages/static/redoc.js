"use strict";

Redoc.init(
  "openapi.json",
  {
    // What stands below the bar when the page scrolls to an operation.
    scrollYOffset: ".ilo-bar",
    nativeScrollbars: true,
    requiredPropsFirst: true,
    theme: {
      colors: { primary: { main: "#1f6f5c" } },
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("reference"),
);
