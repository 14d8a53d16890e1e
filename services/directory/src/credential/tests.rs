//! Tokens, links and sessions on a real database, as the directory's login: whatever is done in whatever order, what is in
//! force is what a list kept by hand says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use vigie_edge::credential::Purpose;
use vigie_proto::SourceId;
use vigie_tests::Store;

use super::{
    Doing, IssueError, Key, TOKENS_AT_MOST, Whose, end_session, end_token, issue, leave_session, open_session,
    revoke_all, sessions, tokens,
};

const SOURCES: [&str; 3] = ["mairie-19", "mairie-18", "scop"];

/// What was issued, as somebody would note it on paper.
#[derive(Debug, Clone)]
struct Noted {
    source: usize,
    until: Option<Timestamp>,
    secret: String,
    ended: bool,
}

impl Noted {
    fn good(&self, now: Timestamp) -> bool {
        !self.ended && self.until.is_none_or(|until| until > now)
    }
}

/// Everything issued so far.
#[derive(Debug, Default)]
struct Paper {
    tokens: Vec<Noted>,
    links: Vec<Noted>,
    sessions: Vec<Noted>,
}

fn source(number: usize) -> SourceId {
    SOURCES[number].parse().unwrap()
}

/// How many of each source are in force.
fn in_force(noted: &[Noted], now: Timestamp) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for noted in noted.iter().filter(|noted| noted.good(now)) {
        *count.entry(SOURCES[noted.source].to_owned()).or_default() += 1;
    }
    count
}

fn listed(keys: &[Key]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for key in keys {
        *count.entry(key.source.to_string()).or_default() += 1;
    }
    count
}

#[tokio::test]
async fn whatever_is_issued_opened_ended_and_left_what_is_in_force_is_what_paper_says() {
    let database = Store::start().await;
    let pool = database.pool("directory");
    let mut connection = pool.acquire().await.unwrap();
    let mut now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
    let hour = SignedDuration::from_hours(1);
    let mut seed = 7_usize;
    let mut draw = |below: usize| {
        seed = (seed * 1_103 + 12_345) % 65_537;
        seed % below
    };
    let (mut paper, mut refused, mut opened, mut ended) = (Paper::default(), 0, 0, 0);
    for number in 0..600_i64 {
        // No two end at the same second: the list tells them apart by that.
        let apart = SignedDuration::from_secs(number);
        now += SignedDuration::from_mins(i64::try_from(draw(40)).unwrap());
        let who = draw(SOURCES.len());
        let until = (draw(3) > 0).then(|| now + hour * i32::try_from(draw(6)).unwrap() + apart);
        match draw(8) {
            0 | 1 => {
                let replace = draw(4) == 0;
                let held = paper.tokens.iter().filter(|noted| noted.source == who && noted.good(now)).count();
                match issue(&pool, &source(who), Purpose::Token, until, replace, now).await {
                    Ok(secret) => {
                        assert!(replace || held < TOKENS_AT_MOST);
                        for noted in paper.tokens.iter_mut().filter(|noted| replace && noted.source == who) {
                            noted.ended = true;
                        }
                        paper.tokens.push(Noted { source: who, until, secret, ended: false });
                    }
                    Err(IssueError::TooMany { .. }) => {
                        assert!(!replace && held >= TOKENS_AT_MOST);
                        refused += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            2 => {
                let secret = issue(&pool, &source(who), Purpose::Link, until, false, now).await.unwrap();
                paper.links.push(Noted { source: who, until, secret, ended: false });
            }
            3 | 4 if !paper.links.is_empty() => {
                // Any link, also one that was used, has expired or was revoked; now and then a token in its place.
                let place = draw(paper.links.len());
                let link = &mut paper.links[place];
                let lasts = hour * i32::try_from(1 + draw(5)).unwrap() + apart;
                let session = open_session(&pool, &link.secret, |_| lasts, None, now).await.unwrap();
                assert_eq!(session.is_some(), link.good(now), "{link:?}");
                if let Some((secret, lasts)) = session {
                    link.ended = true;
                    opened += 1;
                    paper.sessions.push(Noted { source: link.source, until: Some(now + lasts), secret, ended: false });
                }
                if let Some(token) = paper.tokens.last() {
                    assert!(open_session(&pool, &token.secret, |_| hour, None, now).await.unwrap().is_none());
                }
            }
            5 => {
                let doing = Doing { by: None, from: None, now };
                let whose = source(draw(SOURCES.len()));
                let listed = tokens(&mut connection, Whose::Everybody, now).await.unwrap();
                let id = listed.get(draw(listed.len().max(1))).map_or_else(Uuid::nil, |key| key.id);
                let key = listed.iter().find(|key| key.id == id && key.source == whose);
                let gone = end_token(&pool, id, Whose::Of(&whose), doing).await.unwrap();
                assert_eq!(gone.as_ref(), key.map(|key| &key.source), "only their own");
                if let Some(key) = key {
                    note_ended(&mut paper.tokens, key, now);
                    ended += 1;
                    assert_eq!(end_token(&pool, id, Whose::Everybody, doing).await.unwrap(), None, "once");
                }
            }
            6 => {
                let doing = Doing { by: None, from: None, now };
                let listed = sessions(&mut connection, Whose::Everybody, now).await.unwrap();
                if let Some(key) = listed.get(draw(listed.len().max(1))) {
                    let gone = end_session(&pool, key.id, Whose::Everybody, doing).await.unwrap();
                    assert_eq!(gone.as_ref(), Some(&key.source));
                    note_ended(&mut paper.sessions, key, now);
                    ended += 1;
                }
            }
            _ if draw(5) == 0 => {
                let revoked = revoke_all(&pool, &source(who), Doing::on_the_machine(now)).await.unwrap();
                let good = |noted: &[Noted]| noted.iter().filter(|n| n.source == who && n.good(now)).count() as u64;
                assert!(revoked.tokens >= good(&paper.tokens) && revoked.sessions >= good(&paper.sessions));
                for noted in [&mut paper.tokens, &mut paper.links, &mut paper.sessions].into_iter().flatten() {
                    noted.ended |= noted.source == who;
                }
            }
            _ => {
                if let Some(session) = paper.sessions.iter_mut().rev().find(|session| session.good(now)) {
                    leave_session(&pool, &session.secret, None, now).await.unwrap();
                    session.ended = true;
                }
            }
        }
        let everybody = Whose::Everybody;
        assert_eq!(listed(&tokens(&mut connection, everybody, now).await.unwrap()), in_force(&paper.tokens, now));
        assert_eq!(listed(&sessions(&mut connection, everybody, now).await.unwrap()), in_force(&paper.sessions, now));
    }
    assert!(refused > 5 && opened > 10 && ended > 10, "{refused} refused, {opened} opened, {ended} ended");
    // Every change is a fact.
    let facts: i64 = sqlx::query_scalar("select count(*) from journal.entry where type = 'vigie.security.noted.v1'")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let issued = paper.tokens.len() + paper.links.len() + paper.sessions.len();
    assert!(facts >= i64::try_from(issued + ended).unwrap(), "{facts} facts of {issued} issued");
}

/// The one that ends when the key does is no longer in force; of those without an end any stands for it.
fn note_ended(noted: &mut [Noted], key: &Key, now: Timestamp) {
    let same = |noted: &&mut Noted| {
        noted.good(now) && SOURCES[noted.source] == key.source.as_str() && noted.until == key.until
    };
    noted.iter_mut().find(same).expect("it was noted").ended = true;
}

#[tokio::test]
async fn what_has_expired_cannot_be_ended_as_if_it_were_in_force() {
    let database = Store::start().await;
    let pool = database.pool("directory");
    let mut connection = pool.acquire().await.unwrap();
    let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
    let later = now + SignedDuration::from_hours(2);
    let who = source(0);
    issue(&pool, &who, Purpose::Token, Some(now + SignedDuration::from_hours(1)), false, now).await.unwrap();
    let link = issue(&pool, &who, Purpose::Link, None, false, now).await.unwrap();
    open_session(&pool, &link, |_| SignedDuration::from_hours(1), None, now).await.unwrap().unwrap();
    let token = tokens(&mut connection, Whose::Everybody, now).await.unwrap()[0].id;
    let session = sessions(&mut connection, Whose::Everybody, now).await.unwrap()[0].id;
    let doing = Doing::on_the_machine(later);
    assert_eq!(end_token(&pool, token, Whose::Everybody, doing).await.unwrap(), None);
    assert_eq!(end_session(&pool, session, Whose::Everybody, doing).await.unwrap(), None);
}
