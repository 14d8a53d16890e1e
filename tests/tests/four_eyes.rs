//! Who may do what is changed by two: proposed by one source, approved by another, or by whoever administers the machine.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use vigie_tests::{Caller, Options, Stack, Vigie, small_city, wait};

const CONFIGURATIONS: &str = "/api/v1/configurations";
const PROPOSALS: &str = "/api/v1/configurations/proposals";
const SOURCES: &str = "id,role,body,territory,name\ndesk,desk,desk,city,Desk\nsecond,desk,desk,city,Second\n";
const THIRD: &str = "third,desk,desk,city,Third\n";

/// The small city, with two sources that administer.
async fn two_administrators(stack: &Stack) -> Vigie {
    small_city::write(stack.folder());
    fs::write(stack.folder().join("directory/sources.csv"), SOURCES).unwrap();
    Vigie::start(stack, Options::default().city(stack.folder())).await
}

/// The directory's files, `sources.csv` with `more` at its end.
fn directory(stack: &Stack, more: &str) -> Value {
    let folder = stack.folder().join("directory");
    let names = ["roles.toml", "bodies.csv", "contacts.csv", "rosters.toml", "sources.csv"];
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let files = names.map(|name| {
        let text = text(name);
        (name.to_owned(), Value::from(if name == "sources.csv" { text + more } else { text }))
    });
    Value::Object(files.into_iter().collect())
}

async fn in_force(caller: &Caller, what: &str) -> String {
    caller.get(CONFIGURATIONS).await.expect(200).json()[what].as_str().unwrap().to_owned()
}

async fn approve(caller: &Caller, proposal: i64) -> vigie_tests::Answer {
    caller.post(&format!("{PROPOSALS}/{proposal}/approval"), &json!({})).await
}

#[tokio::test]
async fn attack_10_a_change_of_who_may_do_what_waits_for_a_second_administrator() {
    let stack = Stack::start().await;
    let vigie = two_administrators(&stack).await;
    let (desk, second) = (vigie.caller("desk").await, vigie.caller("second").await);
    let before = in_force(&desk, "directory").await;

    let wider = json!({ "directory": directory(&stack, THIRD), "note": "une source de plus" });
    let tried = json!({ "directory": directory(&stack, THIRD), "only_try": true });
    assert_eq!(desk.post(CONFIGURATIONS, &tried).await.expect(200).json()["touches"], json!(["sources"]));
    assert_eq!(second.get(PROPOSALS).await.json(), json!([]), "only tried: nothing waits");

    let waiting = desk.post(CONFIGURATIONS, &wider).await.expect(202).json();
    assert_eq!(waiting, json!({ "proposal": 1, "touches": ["sources"], "state": "waiting" }));
    assert_eq!(desk.post(CONFIGURATIONS, &wider).await.expect(202).json()["proposal"], 1, "asked again, it waits once");
    assert_eq!(in_force(&desk, "directory").await, before);
    let facts = vigie.records().events("vigie.configuration.proposed.v1", None).await;
    assert_eq!((facts.len(), &facts[0]["by"]), (1, &json!("desk")));
    assert_eq!(approve(&desk, 1).await.expect(403).code(), "own-proposal");
    assert_eq!(in_force(&desk, "directory").await, before);

    // The other one is told, sees what it is about, and approves.
    wait::until("the metric tells of it", wait::PATIENCE, || async {
        (vigie.metric("vigie_configuration_proposals_waiting").await - 1.0).abs() < 0.1
    })
    .await;
    let cookie = vigie.browser("second").await;
    let anyone = vigie.anyone();
    let page = async |path: &str| {
        anyone.send(anyone.request(Method::GET, path).header("cookie", &cookie)).await.expect(200).text
    };
    assert!(page("/administration").await.contains("1 changement de qui peut quoi attend"));
    assert!(page("/administration/versions").await.contains("+ third,desk,desk,city,Third"));
    let approval = anyone.post_form("/administration/versions/propositions/1", &[("do", "approve")], Some(&cookie));
    approval.await.expect(303);
    wait::until("it is in force", wait::PATIENCE, || async { in_force(&desk, "directory").await != before }).await;
    let decided = vigie.records().events("vigie.configuration.decided.v1", None).await;
    assert_eq!((&decided[0]["decision"], &decided[0]["by"]), (&json!("approved"), &json!("second")));
    assert_eq!(approve(&second, 1).await.expect(409).code(), "decided");
    assert_eq!(approve(&second, 2).await.expect(404).code(), "not-found");

    // Taking it back takes two as well; whoever changes their mind withdraws.
    let after = in_force(&desk, "directory").await;
    let back = second.post("/api/v1/configurations/rollback", &json!({ "what": "directory" })).await.expect(202).json();
    assert_eq!(back["touches"], json!(["sources"]));
    let number = back["proposal"].as_i64().unwrap();
    let withdrawal = second.request(Method::DELETE, &format!("{PROPOSALS}/{number}"));
    second.send(withdrawal).await.expect(204);
    assert_eq!(approve(&desk, number).await.expect(409).code(), "decided");
    assert_eq!(in_force(&desk, "directory").await, after);
}

/// With a body more, or an address of nobody knows whom, an administrator would be told, and act, as whom it pleases.
#[tokio::test]
async fn a_body_and_an_address_that_nobody_proved_wait_for_a_second_administrator_too() {
    let stack = Stack::start().await;
    small_city::write(stack.folder());
    fs::write(stack.folder().join("directory/sources.csv"), SOURCES).unwrap();
    let roles = stack.folder().join("directory/roles.toml");
    fs::write(&roles, fs::read_to_string(&roles).unwrap() + "\n[guest]\nlabel = \"Guest\"\n").unwrap();
    let vigie = Vigie::start(&stack, Options::default().city(stack.folder())).await;
    let (desk, second) = (vigie.caller("desk").await, vigie.caller("second").await);
    let before = in_force(&desk, "directory").await;
    let with = |file: &str, from: &str, to: &str| {
        let mut files = directory(&stack, "");
        files[file] = files[file].as_str().unwrap().replace(from, to).into();
        json!({ "directory": files })
    };

    let elsewhere = with("contacts.csv", "desk@example.org", "mine@example.org");
    let waiting = desk.post(CONFIGURATIONS, &elsewhere).await.expect(202).json();
    assert_eq!(waiting["touches"], json!(["addresses"]));
    let more = with("bodies.csv", "desk,desk,city,Desk\n", "desk,desk,city,Desk\nmine,guest,city,Mine\n");
    assert_eq!(desk.post(CONFIGURATIONS, &more).await.expect(202).json()["touches"], json!(["bodies"]));
    let body = json!({ "edit": "add-body", "id": "mine", "role": "guest", "territory": "city", "name": "Mine" });
    let edits = json!({ "edits": [body] });
    let waiting_body = desk.post("/api/v1/directory/edits", &edits).await.expect(202).json();
    assert_eq!(waiting_body["touches"], json!(["bodies"]));
    let contact = json!({ "edit": "set-contact", "id": "mine", "body": "mine", "channel": "email", "address": "mine@example.org" });
    let both = json!({ "edits": [body, contact] });
    assert_eq!(desk.post("/api/v1/directory/edits", &both).await.expect(422).code(), "waits-alone");
    assert_eq!(in_force(&desk, "directory").await, before);

    // A name is anybody's to mend, and whoever approves puts the body in force.
    let renamed = with("bodies.csv", "desk,desk,city,Desk\n", "desk,desk,city,Bureau\n");
    desk.post(CONFIGURATIONS, &renamed).await.expect(200);
    wait::until("the name is in force", wait::PATIENCE, || async { in_force(&desk, "directory").await != before })
        .await;
    let stale = approve(&second, waiting_body["proposal"].as_i64().unwrap()).await.expect(409);
    assert_eq!(stale.code(), "changed-meanwhile", "made on the file as it was");
    let again = desk.post("/api/v1/directory/edits", &edits).await.expect(202).json();
    approve(&second, again["proposal"].as_i64().unwrap()).await.expect(200);
    wait::until("the body is there", wait::PATIENCE, || async {
        desk.get("/api/v1/directory/bodies/mine").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_proposal_made_on_what_changed_meanwhile_is_refused_and_the_machine_decides_alone() {
    let stack = Stack::start().await;
    let vigie = two_administrators(&stack).await;
    let (desk, second) = (vigie.caller("desk").await, vigie.caller("second").await);
    let before = in_force(&desk, "directory").await;
    let doctrine = in_force(&desk, "doctrine").await;

    let class = "[classes.secret]\nlabel = \"Secret\"\nchannels = [\"email\"]\nretention_days = 30\n\n[kinds.rixe]\nclass = \"secret\"\n";
    let classes = json!({ "doctrine": small_city::doctrine("[kinds.rixe]\n", class) });
    let waiting = desk.post(CONFIGURATIONS, &classes).await.expect(202).json();
    assert_eq!(waiting["touches"], json!(["classes"]), "{waiting}");

    // From the machine, at once, and said so.
    fs::write(stack.folder().join("directory/sources.csv"), format!("{SOURCES}{THIRD}")).unwrap();
    let said = vigie.command(&["configuration", "publish"]).await;
    assert!(said.contains("changes who may do what (sources)"), "{said}");
    wait::until("it is in force", wait::PATIENCE, || async { in_force(&desk, "directory").await != before }).await;
    let fact = vigie.records().events("vigie.directory.changed.v1", None).await.pop().unwrap();
    assert_eq!(fact["by"], json!(null), "by whoever administers the machine: {fact}");

    let refused = approve(&second, waiting["proposal"].as_i64().unwrap()).await.expect(409);
    assert_eq!(refused.code(), "changed-meanwhile");
    assert_eq!(in_force(&desk, "doctrine").await, doctrine);
    let again = desk.post(CONFIGURATIONS, &classes).await.expect(202).json();
    approve(&second, again["proposal"].as_i64().unwrap()).await.expect(200);
    wait::until("it is in force", wait::PATIENCE, || async { in_force(&desk, "doctrine").await != doctrine }).await;
}
