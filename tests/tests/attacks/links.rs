//! Attack 18: a link dies with the contact point it was sent to.

use std::fs;

use vigie_tests::{Options, Stack, Vigie, wait};

use super::{QUAY, open, rixe};

#[tokio::test]
async fn attack_18_a_link_to_an_address_that_was_replaced_opens_nothing() {
    let stack = Stack::start().await;
    let folder = stack.folder().join("city");
    copy("config/directory", &folder.join("directory"));
    let directory = folder.join("directory");
    let vigie = Vigie::start(&stack, Options::default().set("PATHS__DIRECTORY", directory.display())).await;
    open(&vigie, &stack, &vigie.caller("scop").await, &rixe("serious", QUAY, 5.0)).await;
    let messages = vigie.all_sent(&stack).await;
    let mail = messages.iter().find(|m| m.channel == "email" && m.to.starts_with("commissariat-paris-19@")).unwrap();
    let other = messages.iter().find(|m| m.channel == "email" && m.to.starts_with("mairie-paris-19@")).unwrap();
    let (link, kept) = (mail.acknowledgement().unwrap().to_owned(), other.acknowledgement().unwrap().to_owned());
    vigie.anyone().get(&link).await.expect(200);

    let contacts = directory.join("contacts.csv");
    let text = fs::read_to_string(&contacts).unwrap();
    fs::write(&contacts, text.replace(&mail.to, "autre@example.org")).unwrap();
    vigie.command(&["configuration", "publish"]).await;

    wait::until("the link of the former address is dead", wait::PATIENCE, || async {
        vigie.anyone().get(&link).await.status == 404
    })
    .await;
    vigie.anyone().post_form(&link, &[("version", "1")], None).await.expect(404);
    vigie.anyone().get(&kept).await.expect(200);
}

fn copy(from: &str, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(from);
    for file in fs::read_dir(root).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}
