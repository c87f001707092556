// A person between the Inspector and the provider: agrees on our page, and fills in whatever form the provider shows
// (Keycloak's, that of oidc-provider, and those of the providers of the suites).

const MOST_PAGES = 8;

/** Clicks through to a page that belongs to `home`. Our consent page must be among those on the way. */
export async function logIn(page, person, home) {
  const [username, password] = [person.slice(0, person.indexOf(":")), person.slice(person.indexOf(":") + 1)];
  const at = { consent: 0, login: 0 };
  await page.waitForURL((url) => url.origin !== home).catch(() => {
    throw new Error("the Inspector sends its user nowhere");
  });
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    await page.waitForLoadState();
    if (new URL(page.url()).origin === home) {
      if (at.consent !== 1) throw new Error(`the consent page was shown ${at.consent} times`);
      return;
    }
    const agree = page.getByRole("button", { name: /^Continue to / });
    if (await agree.count()) {
      at.consent += 1;
      await follow(page, agree);
      continue;
    }
    const shown = (await page.innerText("body")).slice(0, 300);
    const name = page.locator("[name=username]");
    if (await name.count()) {
      at.login += 1;
      if (at.login > 1) throw new Error(`the login form comes back: ${shown}`);
      await name.fill(username);
      const secret = page.locator("[name=password]");
      if (await secret.count()) await secret.fill(password);
    }
    const go = page.locator("#kc-login, button[value=allow]");
    if (!(await go.count())) throw new Error(`the provider goes no further: ${shown}`);
    await follow(page, go);
  }
  throw new Error(`the login goes round in circles, at ${page.url()}`);
}

// Also to where the same page is shown again.
async function follow(page, button) {
  await Promise.all([page.waitForNavigation(), button.click()]);
}
