"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  // A token typed in here is gone with the page.
  persistAuthorization: false,
  // The default sends the contract to a validator on another site.
  validatorUrl: null,
  // Otherwise ?url= in a link would show a stranger's contract under our name.
  queryConfigEnabled: false,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
