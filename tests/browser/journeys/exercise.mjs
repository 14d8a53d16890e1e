// An exercise of config/exercises, from the alert to the completed feedback, by the pages alone. Acceptance: five minutes.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { figure, inspect, journey, shot, tabTo, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const scop = await town.open("scop");
  const mairie = await town.open("mairie-19");
  const desk = await town.page(scop);
  await desk.goto("/");
  await desk.getByRole("link", { name: "Crises" }).first().click();
  await desk.getByText("Aucune crise en cours.").waitFor();
  await everyWidth(town, scop, "/crises", "crises-empty");

  // A crisis begins somewhere: refused, and what was chosen is still there.
  await desk.getByLabel("Crise parisienne").check();
  await desk.getByRole("button", { name: "Ouvrir la crise" }).click();
  await desk.getByRole("alert").getByText("Donnez un événement, ou le secteur").waitFor();
  assert(await desk.getByLabel("Crise parisienne").isChecked());
  await inspect(desk, "crises-refused");

  // The alert.
  const began = Date.now();
  await desk.getByLabel("Scénario", { exact: true }).selectOption({ label: "Explosion d'origine inconnue, 19e arrondissement" });
  await desk.getByLabel(/^Vitesse/).fill("60");
  await desk.getByRole("button", { name: "Commencer l'exercice" }).click();
  await desk.getByRole("heading", { name: /^EXERCICE – Crise C-/ }).waitFor();
  const address = new URL(desk.url()).pathname;
  await desk.getByText("En direct").waitFor();
  await desk.locator("#evenements a", { hasText: /^R-/ }).waitFor();
  await desk.locator("#exercice .told", { hasText: "Une explosion est signalée" }).waitFor();
  await desk.getByRole("button", { name: "Mettre en pause" }).click();
  await desk.locator("#exercice .clock", { hasText: "En pause" }).waitFor();
  await everyWidth(town, scop, address, "crisis-paused");
  await desk.getByRole("button", { name: "Reprendre" }).click();
  await desk.locator("#exercice .clock", { hasText: "En cours" }).waitFor();

  // The mairie, by keyboard alone: from its list to the request for the vehicle.
  const hall = await town.page(mairie);
  await hall.goto("/crises");
  await tabTo(hall, hall.getByRole("link", { name: /^EXERCICE – C-/ }));
  await hall.keyboard.press("Enter");
  await hall.getByText("En direct").waitFor();
  await hall.locator("#evenements li").first().waitFor();
  await tabTo(hall, hall.getByRole("button", { name: /^Demander – Véhicule/ }));
  await hall.keyboard.press("Enter");
  await hall.getByRole("status").getByText("Demande enregistrée.").waitFor();
  await hall.getByRole("heading", { name: /Véhicule.*à transmettre/ }).waitFor();

  // The SCOP sees in a glance what is asked of it, without a reload; by keyboard it passes the request on.
  await desk.locator("#essentiel .asked a", { hasText: "Transmettre la demande : VPU" }).waitFor();
  await inspect(desk, "crisis-asked");
  await tabTo(desk, desk.getByRole("link", { name: "Transmettre la demande : VPU" }));
  await desk.keyboard.press("Enter");
  await tabTo(desk, desk.getByRole("button", { name: /^Transmettre la demande – / }));
  await desk.keyboard.press("Enter");
  await desk.getByRole("heading", { name: /Véhicule.*demandé/ }).waitFor();

  // Whoever provides answers by the link of the message: opening it answers nothing.
  const link = await town.ask("link permanence-dpmp");
  await everyWidth(town, undefined, link, "request");
  const provider = await town.page(undefined, 360);
  await provider.goto(link);
  await provider.getByText("EXERCICE", { exact: true }).waitFor();
  await desk.getByRole("heading", { name: /Véhicule.*demandé/ }).waitFor();
  await provider.getByRole("button", { name: "Nous acceptons" }).click();
  await provider.getByText("C'est noté.").waitFor();
  await desk.getByRole("heading", { name: /Véhicule.*accepté/ }).waitFor();
  await provider.getByRole("button", { name: "Nous partons" }).click();
  await provider.getByRole("button", { name: "Nous sommes sur place" }).click();
  await inspect(provider, "request-on-site");
  await desk.getByRole("heading", { name: /Véhicule.*sur place/ }).waitFor();
  await desk.getByText(/Fourni par Permanence de la DPMP/).waitFor();

  // The mairie arms a centre and counts: numbers only.
  await hall.getByText("Ouvrir un C.A.RE").click();
  await hall.getByLabel("Lieu").selectOption({ label: "Gymnase municipal" });
  await hall.getByLabel("Centre d'Accueil des Impliqués (CAI)").check();
  await hall.getByRole("button", { name: "Ouvrir le C.A.RE" }).click();
  await hall.getByRole("heading", { name: "Gymnase municipal, 19e arrondissement" }).waitFor();
  await hall.getByLabel("Impliqués", { exact: true }).fill("61");
  await hall.getByLabel("Sinistrés", { exact: true }).fill("24");
  await hall.getByRole("button", { name: "Enregistrer les nombres" }).click();
  await hall.locator("#care .figures div", { hasText: /Impliqués/ }).getByText("61").waitFor();
  await desk.locator("#care .figures div", { hasText: /Impliqués/ }).getByText("61").waitFor();

  // The SCOP counts in the same centre while the mairie types: the part is read again, the typed number stays.
  await hall.getByLabel("Proches", { exact: true }).pressSequentially("17");
  await desk.getByLabel(/^Victimes/).fill("3");
  await desk.getByRole("button", { name: "Enregistrer les nombres" }).click();
  await hall.locator("#care .figures div", { hasText: /Victimes/ }).getByText("3", { exact: true }).waitFor();
  assert.equal(await hall.getByLabel("Proches", { exact: true }).inputValue(), "17", "half-typed numbers stay");
  assert(await hall.getByLabel("Proches", { exact: true }).evaluate((field) => field === document.activeElement));

  // The City takes over: the mairie owes a report, and what it types stays while the page changes around it.
  await desk.locator("summary", { hasText: "Changer de régime" }).click();
  await desk.getByLabel("Crise parisienne").check();
  await desk.getByRole("button", { name: "Changer de régime" }).click();
  await hall.locator("#essentiel .badge.regime", { hasText: "Crise parisienne" }).waitFor();
  await hall.locator("#essentiel .asked a", { hasText: "Point de situation n° 1" }).waitFor();
  await hall.getByLabel("Moyens sur place").selectOption({ label: "Tendus" });
  await hall.getByLabel(/^Précision/).fill("Périmètre tenu, accueil ");
  await hall.getByLabel(/^Précision/).pressSequentially("ouvert");

  // Meanwhile: who sits in the crisis cell, and a text of the Préfet to relay.
  await desk.locator("summary", { hasText: "Fonctions de la crise" }).click();
  await desk.getByLabel(/^Interlocuteur unique/).selectOption({ label: "Secrétariat général de la Ville, astreinte" });
  await desk.getByRole("button", { name: "Désigner l'interlocuteur" }).click();
  await desk.getByText("Interlocuteur de la CIAV enregistré.").waitFor();
  for (const member of ["Secrétariat général de la Ville, astreinte", "Mairie, cellule de veille, 19e arrondissement"]) {
    await desk.locator("summary", { hasText: "Fonctions de la crise" }).click();
    await desk.getByLabel(/^Ajouter un membre/).selectOption({ label: member });
    await desk.getByRole("button", { name: "Ajouter à la cellule" }).click();
    await desk.getByText("Membre ajouté").waitFor();
  }
  await desk.locator("summary", { hasText: "Fonctions de la crise" }).click();
  await desk.getByRole("button", { name: /^Retirer – Mairie, cellule de veille/ }).click();
  await desk.getByText("Membre retiré").waitFor();
  await desk.locator("summary", { hasText: "Enregistrer un texte reçu" }).click();
  await desk.getByLabel(/^Texte, mot pour mot/).fill("Évitez le secteur de la place des Fêtes.\nN'appelez le 112 qu'en cas d'urgence.");
  await desk.getByRole("button", { name: "Enregistrer le texte" }).click();
  await desk.getByText("Texte enregistré").waitFor();
  await hall.locator("#relais blockquote", { hasText: "Évitez le secteur" }).waitFor();

  assert.equal(await hall.getByLabel(/^Précision/).inputValue(), "Périmètre tenu, accueil ouvert", "half-typed words stay");
  assert.equal(await hall.getByLabel("Moyens sur place").inputValue(), "tendus");
  assert(await hall.getByLabel(/^Précision/).evaluate((field) => field === document.activeElement), "and so does the focus");
  await inspect(hall, "crisis-mairie");
  await hall.getByRole("button", { name: "Rendre le point de situation" }).click();
  await hall.getByText("Point de situation rendu.").waitFor();
  await desk.locator("#points", { hasText: "accueil ouvert" }).waitFor();
  await everyWidth(town, scop, address, "crisis-open");
  await everyWidth(town, mairie, address, "crisis-open-mairie");
  await everyWidth(town, scop, `${address}/synthese`, "synthesis");

  // The rest of the script, faster.
  await desk.getByLabel(/^Vitesse/).fill("600");
  await desk.getByRole("button", { name: "Changer la vitesse" }).click();
  await desk.locator("#exercice .clock", { hasText: "Scénario joué en entier" }).waitFor({ timeout: 30_000 });

  // The end is refused while something is engaged; then the mairie closes its centre, without scripts.
  const plain = await town.page(scop, 1440, { javaScriptEnabled: false });
  await plain.goto(address);
  await plain.locator("summary", { hasText: "Clore la crise" }).click();
  await plain.getByRole("button", { name: "Clore la crise" }).click();
  await plain.getByRole("alert").getByText("Fermer le C.A.RE").waitFor();
  await inspect(await reopened(town, scop, address, 360), "crisis-before-closing");
  const simple = await town.page(mairie, 360, { javaScriptEnabled: false });
  await simple.goto(address);
  await simple.locator("summary", { hasText: "Fermer ce C.A.RE" }).click();
  await simple.getByLabel("Les opérations de secours sont terminées").check();
  await simple.getByRole("button", { name: "Fermer le C.A.RE" }).click();
  await simple.getByRole("alert").getByText("Le recensement des personnes impactées est terminé").waitFor();
  await shotRefused(simple);
  assert(await simple.getByLabel("Les opérations de secours sont terminées").isChecked());
  await simple.getByLabel("Le recensement des personnes impactées est terminé").check();
  await simple.getByRole("button", { name: "Fermer le C.A.RE" }).click();
  await simple.getByText("C.A.RE fermé.").waitFor();
  await provider.getByRole("button", { name: /^Mission terminée/ }).click();
  await provider.getByText("Rien n'est plus attendu de vous.").waitFor();
  await plain.goto(address);
  await plain.locator("summary", { hasText: "Clore la crise" }).click();
  await plain.getByRole("button", { name: "Clore la crise" }).click();
  await plain.getByText("Crise close.").waitFor();
  await everyWidth(town, scop, address, "crisis-closed");

  // The feedback, written by people.
  await desk.locator("#essentiel").getByRole("link", { name: "Compléter le retour d'expérience" }).waitFor();
  await plain.goto(`${address}/retex`);
  await plain.getByRole("button", { name: "Terminer le retour d'expérience" }).click();
  await plain.getByRole("alert").getByText("Il manque encore quelque chose.").waitFor();
  await everyWidth(town, scop, `${address}/retex`, "retex-empty");
  const sections = {
    "Ce qui a bien fonctionné": "La mairie a ouvert le gymnase avant l'arrivée des premiers habitants ; la SCOP a transmis la demande de VPU en moins d'une minute.",
    "Ce qui a manqué": "Personne ne savait qui tenait la liste des lieux d'accueil disponibles la nuit.",
    "Coordination avec les partenaires": "Le commissariat et la mairie se sont parlé par la SCOP, jamais directement.",
    Enseignements: "Un lieu d'accueil de nuit par secteur, connu d'avance, et ses clés à la mairie.",
  };
  for (const [section, text] of Object.entries(sections)) {
    await plain.getByRole("region", { name: section }).getByRole("textbox").fill(text);
    await plain.getByRole("region", { name: section }).getByRole("button").click();
    await plain.getByText("Section enregistrée.").waitFor();
  }
  await plain.getByLabel(/^Ce qu'il faut faire/).fill("Tenir la liste des lieux d'accueil de nuit du secteur");
  await plain.getByLabel("Qui", { exact: true }).selectOption({ label: "DDCT, astreinte" });
  await plain.getByLabel("Échéance").fill("2027-03-31");
  await plain.getByRole("button", { name: "Ajouter l'action" }).click();
  await plain.getByText("Action ajoutée.").waitFor();
  await plain.getByRole("button", { name: "Terminer le retour d'expérience" }).click();
  await plain.getByText(/^Terminé/).waitFor();
  await everyWidth(town, scop, `${address}/retex`, "retex");
  await everyWidth(town, scop, "/crises", "crises");

  // Its PDF, as whoever conducted the exercise fetches it.
  const pdf = await desk.context().request.get(await href(plain, "Télécharger en PDF"));
  assert.equal(pdf.status(), 200);
  const bytes = await pdf.body();
  assert.equal(bytes.subarray(0, 5).toString(), "%PDF-");
  writeFileSync(join(process.env.VIGIE_TEST_SCREENSHOTS, "retex.pdf"), bytes);
  const seconds = Math.round((Date.now() - began) / 1000);
  figure("from the alert to the feedback, seconds", seconds);
  assert(seconds < 300, `an exercise takes ${seconds} s`);
});

async function everyWidth(town, session, path, name) {
  for (const width of WIDTHS) {
    const page = await reopened(town, session, path, width);
    await inspect(page, name);
    await page.context().close();
  }
}

async function reopened(town, session, path, width) {
  const page = await town.page(session, width);
  await page.goto(path);
  return page;
}

async function shotRefused(page) {
  await shot(page, "crisis-refused");
}

async function href(page, name) {
  return page.getByRole("link", { name }).getAttribute("href");
}
