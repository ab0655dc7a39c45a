//! Accounts over HTTP: the first sign-in, roles, lock-out, copied cookies, and the audit log's page.

mod office_browser;
mod office_town;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use office_browser::{Answer, Browser, HOST, encoded, send};
use office_town::{PASSWORD, empty};
use std::net::IpAddr;
use teilhabe::office::{Action, Office, Role, Roles, SecondFactor, account};
use teilhabe::shell::door;
use teilhabe::shell::store::office::clerks;
use teilhabe::shell::web::serve::Peer;
use totp_rs::{Algorithm, TOTP};

/// The office with Cem, who looks after it, beside Anna and Berta.
fn with_admin() -> Office {
    let mut office = empty(door::now());
    office.set_clerk("Cem Aydin", PASSWORD, door::now()).expect("a clerk");
    office.set_roles("Cem Aydin", &Roles::of(&[Role::Admin])).expect("roles");
    office
}

fn id(office: &Office, name: &str) -> i64 {
    account(office.db(), name).expect("read").expect("there").id
}

/// The code that an app shows for the secret on the page, some steps from now.
fn code(page: &str, steps: u64) -> String {
    let secret = page.split("secret small\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a secret").replace(' ', "");
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    TOTP::new_unchecked(Algorithm::SHA1, 6, 1, 30, secret).generate(door::now().seconds().0 + steps * 30)
}

fn keep_cookie(browser: &mut Browser, answer: &Answer) {
    if let Some(cookie) = answer.headers.get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok()) {
        browser.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    }
}

/// Where a page that goes on by itself leads.
fn onward(page: &Answer) -> String {
    let place = page.text.split("content=\"0;url=").nth(1).and_then(|rest| rest.split('"').next()).expect("a way on");
    place.replace("&#38;", "&")
}

/// The same request from another computer or another browser.
async fn from(browser: &Browser, address: [u8; 4], agent: &str, path: &str) -> Answer {
    let mut request = Request::get(path).header("host", HOST).header("cookie", &browser.cookie).header("user-agent", agent);
    request.extensions_mut().expect("a request").insert(Peer(IpAddr::from(address)));
    send(&browser.app, request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_new_clerk_gets_from_the_first_password_to_work() {
    let mut office = with_admin();
    office.set_second_factor("cli", SecondFactor::Optional, door::now()).expect("set");
    let cem = Browser::at(office).signed_in("Cem Aydin").await;
    let made = cem.post("/admin/clerks", &[("name", "Dora Döring"), ("reconcile", "on")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let password = made.text.split("class=\"secret\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a password").to_owned();
    assert!(!cem.get("/admin/clerks").await.text.contains(&password), "it is shown once");
    let twice = cem.post("/admin/clerks", &[("name", " dora  DÖRING "), ("release", "on")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "one person, one account: {}", twice.text);
    assert_eq!(cem.post("/admin/second-factor", &[("value", "required")]).await.status, StatusCode::SEE_OTHER);

    let mut dora = cem.another();
    assert_eq!(dora.sign_in("Dora Döring", &password).await.location(), "/login/password");
    assert_eq!(dora.get("/").await.location(), "/login/password", "half-way in opens nothing");
    assert_eq!(dora.get("/findings").await.location(), "/login/password");
    for (new, again) in
        [("kurz", "kurz"), ("Dora Döring 1", "Dora Döring 1"), (password.as_str(), password.as_str()), ("ein langer Satz", "ein anderer Satz")]
    {
        let refused = dora.post("/login/password", &[("new", new), ("again", again)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
        assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
    }
    let own = "vier Worte am Stück";
    let chosen = dora.post("/login/password", &[("new", own), ("again", own)]).await;
    assert_eq!(chosen.location(), "/login/factor");
    keep_cookie(&mut dora, &chosen);

    let page = dora.get("/login/factor").await.text;
    assert!(page.contains("<svg"), "{page}");
    assert_eq!(dora.post("/login/factor", &[("code", "000000")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let first = code(&page, 0);
    let enrolled = dora.post("/login/factor", &[("code", &first)]).await;
    assert_eq!(enrolled.status, StatusCode::OK, "{}", enrolled.text);
    let recovery: Vec<String> =
        enrolled.text.split("<li class=\"id\">").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect();
    assert_eq!(recovery.len(), 8, "{}", enrolled.text);
    keep_cookie(&mut dora, &enrolled);
    assert!(dora.get("/").await.text.contains("Dora Döring"), "she is in");

    let mut again = cem.another();
    assert_eq!(again.sign_in("Dora Döring", &password).await.status, StatusCode::UNAUTHORIZED, "the first password is gone");
    assert_eq!(again.sign_in("Dora Döring", own).await.location(), "/login/code");
    assert_eq!(again.get("/account").await.location(), "/login/code");
    assert_eq!(again.post("/login/code", &[("code", &first)]).await.status, StatusCode::UNAUTHORIZED, "a code counts once");
    let entered = again.post("/login/code", &[("code", &code(&page, 1))]).await;
    assert_eq!(entered.location(), "/", "{}", entered.text);
    let mut lost = cem.another();
    lost.sign_in("Dora Döring", own).await;
    assert_eq!(lost.post("/login/code", &[("code", &recovery[0])]).await.location(), "/", "the phone is lost");
    let mut twice = cem.another();
    twice.sign_in("Dora Döring", own).await;
    assert_eq!(twice.post("/login/code", &[("code", &recovery[0])]).await.status, StatusCode::UNAUTHORIZED, "a recovery code counts once");
}

#[tokio::test]
async fn nobody_leaves_the_office_without_an_admin() {
    let mut office = with_admin();
    for name in ["Anna Adler", "Berta Busch"] {
        office.set_roles(name, &Roles::of(&[Role::Reconcile])).expect("roles");
    }
    let (cem_id, anna_id) = (id(&office, "Cem Aydin"), id(&office, "Anna Adler"));
    let cem = Browser::at(office).signed_in("Cem Aydin").await;
    let anna = cem.another().signed_in("Anna Adler").await;
    for (path, fields) in [(format!("/admin/clerks/{cem_id}/roles"), &[("reconcile", "on")][..]), (format!("/admin/clerks/{cem_id}/close"), &[])] {
        let refused = cem.post(&path, fields).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
        assert!(refused.text.contains("eigene"), "{}", refused.text);
    }
    for own in ["password", "factor"] {
        let refused = cem.post(&format!("/admin/clerks/{cem_id}/{own}"), &[]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{own}");
    }
    assert_eq!(anna.get("/admin").await.status, StatusCode::FORBIDDEN);
    assert_eq!(anna.get("/findings").await.status, StatusCode::OK);
    assert_eq!(anna.get("/api/v1/statistics").await.status, StatusCode::OK, "as the page of figures is");
    assert_eq!(anna.get("/metrics").await.status, StatusCode::FORBIDDEN, "for whoever looks after the server");
    let roles = format!("/admin/clerks/{anna_id}/roles");
    assert_eq!(cem.post(&roles, &[("issue", "on"), ("release", "on")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(anna.post("/reconcile", &[]).await.status, StatusCode::FORBIDDEN, "what was taken away is gone at once");
    assert_eq!(cem.post(&format!("/admin/clerks/{anna_id}/external"), &[("external", "a.adler@stadt.example")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(anna.get("/").await.location(), "/login", "a session that may have come by the sign-in ends with it");
    let anna = cem.another().signed_in("Anna Adler").await;
    assert_eq!(cem.post(&format!("/admin/clerks/{anna_id}/close"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(anna.get("/").await.location(), "/login", "a closed account is out at once");
    assert_eq!(cem.another().sign_in("Anna Adler", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(cem.post(&format!("/admin/clerks/{anna_id}/open"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(cem.another().sign_in("Anna Adler", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_copied_cookie_ends_the_session_and_is_logged() {
    for (address, agent) in [([10, 0, 0, 9], "Firefox"), ([10, 0, 0, 7], "Chrome")] {
        let mut anna = Browser::at(with_admin());
        let form = encoded(&[("name", "Anna Adler"), ("password", PASSWORD)]);
        let mut request = Request::post("/login").header("host", HOST).header("origin", format!("http://{HOST}")).header("user-agent", "Firefox");
        request = request.header("content-type", "application/x-www-form-urlencoded");
        request.extensions_mut().expect("a request").insert(Peer(IpAddr::from([10, 0, 0, 7])));
        let answer = send(&anna.app, request.body(Body::from(form)).expect("a request")).await;
        keep_cookie(&mut anna, &answer);
        assert_eq!(from(&anna, [10, 0, 0, 7], "Firefox", "/").await.status, StatusCode::OK);
        let stolen = from(&anna, address, agent, "/").await;
        assert_eq!(stolen.status, StatusCode::FORBIDDEN);
        assert!(stolen.text.contains("in einem anderen Browser begonnen"), "{}", stolen.text);
        assert_eq!(from(&anna, [10, 0, 0, 7], "Firefox", "/").await.location(), "/login", "it is over for her too");
        let cem = anna.another().signed_in("Cem Aydin").await;
        let log = cem.get("/admin/audit?clerk=Anna%20Adler&action=sign_out").await.text;
        assert!(log.contains("Cookie kam aus einem anderen Browser"), "{log}");
    }
}

#[tokio::test]
async fn guessing_codes_locks_the_name_too() {
    let mut office = with_admin();
    let secret = *office.new_factor();
    let now = door::now();
    let right = |steps: u64| TOTP::new_unchecked(Algorithm::SHA1, 6, 1, 30, secret.to_vec()).generate(now.seconds().0 + steps * 30);
    office.enrol_factor("Anna Adler", &secret, &right(0), None, now).expect("checked").expect("enrolled");
    let mut thief = Browser::at(office);
    let mut tries = 0;
    let locked = loop {
        assert!(tries < 20, "no lock");
        let entered = thief.sign_in("Anna Adler", PASSWORD).await;
        tries += 1;
        if entered.status == StatusCode::TOO_MANY_REQUESTS {
            break entered;
        }
        thief.post("/login/code", &[("code", "123456")]).await;
        tries += 1;
    };
    assert_eq!(tries, 11, "a right password does not give new tries at the code");
    assert!(locked.text.contains("gesperrt"), "{}", locked.text);
    let cem = thief.another().signed_in("Cem Aydin").await;
    let log = cem.get("/admin/audit?action=sign_in_failed").await.text;
    assert!(log.contains("gesperrt nach zu vielen Versuchen") && log.contains("falscher Einmal-Code"), "{log}");
}

#[tokio::test]
async fn a_password_in_the_field_for_the_name_is_not_logged() {
    let mut browser = Browser::at(with_admin());
    browser.sign_in("mein geheimes Wort", "").await;
    browser.sign_in("mein geheimes Wort", "x").await;
    let cem = browser.another().signed_in("Cem Aydin").await;
    let log = cem.get("/admin/audit").await.text;
    assert!(log.contains("(unbekannt)") && !log.contains("geheimes"), "{log}");
}

#[tokio::test]
async fn ones_own_password_is_changed_with_the_old_one() {
    let anna = Browser::at(with_admin()).signed_in("Anna Adler").await;
    let elsewhere = anna.another().signed_in("Anna Adler").await;
    let new = "noch ein langer Satz";
    for (old, new, again) in [("falsch", new, new), (PASSWORD, "kurz", "kurz"), (PASSWORD, new, "anders geschrieben"), (PASSWORD, PASSWORD, PASSWORD)]
    {
        let refused = anna.post("/account/password", &[("old", old), ("new", new), ("again", again)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{old} {new}");
    }
    assert_eq!(anna.post("/account/password", &[("old", PASSWORD), ("new", new), ("again", new)]).await.location(), "/account?done=password");
    assert_eq!(anna.get("/account").await.status, StatusCode::OK, "this session goes on");
    assert_eq!(elsewhere.get("/account").await.location(), "/login", "others end");
    assert_eq!(anna.another().sign_in("Anna Adler", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert!(anna.get("/account").await.text.contains("gescheitert"), "she sees that somebody tried");
}

#[tokio::test]
async fn a_session_alone_opens_no_other_way_in() {
    let anna = Browser::at(with_admin()).signed_in("Anna Adler").await;
    let begin = async |browser: &Browser, content: &str| {
        let request = Request::post("/account/passkeys/begin").header("host", HOST).header("origin", format!("http://{HOST}"));
        let request = request.header("cookie", &browser.cookie).header("content-type", "application/json");
        send(&browser.app, request.body(Body::from(content.to_owned())).expect("a request")).await
    };
    for wrong in ["{}", "{\"password\":\"falsch\"}"] {
        let refused = begin(&anna, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
    }
    for path in ["/account/recovery", "/account/sign-in"] {
        for wrong in [&[][..], &[("password", "falsch")][..]] {
            let refused = anna.post(path, wrong).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", refused.text);
            assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
        }
    }
    let right = begin(&anna, &format!("{{\"password\":\"{PASSWORD}\"}}")).await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.text);
}

#[tokio::test]
async fn the_log_is_filtered_paged_exported_and_proved() {
    let mut office = with_admin();
    for n in 0..120 {
        office.note("Anna Adler", Action::Look, &format!("child/{}", n % 3), "=1+1", door::now()).expect("logged");
    }
    office.set_roles("Berta Busch", &Roles::of(&[Role::Audit])).expect("roles");
    let berta = Browser::at(office).signed_in("Berta Busch").await;
    let page = berta.get("/admin/audit?object=child%2F1&action=look").await.text;
    assert_eq!(page.matches("child/1</td>").count(), 40, "{page}");
    let page = berta.get("/admin/audit?clerk=Anna%20Adler").await.text;
    assert_eq!(page.matches("Fall angesehen</td>").count(), 50);
    let older = page.split("href=\"/admin/audit?").find_map(|rest| rest.split('"').next().filter(|link| link.contains("before="))).expect("more");
    let older = format!("/admin/audit?{}", older.replace("&#38;", "&").replace("&amp;", "&"));
    assert_eq!(berta.get(&older).await.text.matches("Fall angesehen</td>").count(), 50);
    assert!(berta.get("/admin/audit?from=2099-01-01").await.text.contains("keinen Eintrag"));
    assert!(berta.get("/admin/audit?to=2020-01-01").await.text.contains("keinen Eintrag"));
    assert_eq!(berta.get("/admin/audit?from=gestern").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(berta.get("/admin/audit?clerk=%27%20OR%201%3D1%20--").await.status, StatusCode::OK);
    let table = berta.get("/admin/audit.csv?action=look").await;
    assert_eq!((table.status, table.text.lines().count()), (StatusCode::OK, 121));
    assert!(table.text.starts_with('\u{feff}') && table.text.contains(";'=1+1;"), "no formula");
    assert!(berta.get("/admin/audit?action=export").await.text.contains("120 Einträge"), "the export is logged itself");
    let job = berta.post("/admin/audit/verify", &[]).await;
    let place = job.location().to_owned();
    let mut seen = String::new();
    for _ in 0..100 {
        seen = berta.get(&place).await.text;
        if seen.contains("Die Kette ist ganz") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(seen.contains("Die Kette ist ganz"), "{seen}");
    assert_eq!(berta.post("/admin/clerks", &[("name", "Eva"), ("admin", "on")]).await.status, StatusCode::FORBIDDEN, "an auditor changes nothing");
}

#[tokio::test]
async fn whoever_has_both_roles_cannot_release_her_own_whatever_the_name_looks_like() {
    let (mut office, _) = office_town::lived_in(door::now());
    let now = door::now();
    office.reconcile(now).expect("reconciled");
    office.set_roles("Anna Adler", &Roles::of(&[Role::Reconcile, Role::Release, Role::Admin])).expect("roles");
    let anna = Browser::at(office).signed_in("anna ADLER").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let rows = anna.get("/settlement").await.chosen_rows();
    let rows: Vec<_> = rows.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(anna.post("/settlement/sign", &rows).await.location(), "/settlement?done=signed");
    let again = anna.post("/admin/clerks", &[("name", "ANNA  adler"), ("release", "on")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "no second account under her name");
    let content = berta.get("/settlement").await.hidden("content");
    let own = anna.post("/settlement/release", &[("content", &content)]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.text);
}

/// A provider of OpenID Connect with one person, ended when dropped: PyPI's oidc-provider-mock, at a port of its own.
struct Provider {
    child: std::process::Child,
    issuer: String,
}

impl Provider {
    fn start() -> Self {
        let program = std::env::var_os("TEILHABE_OIDC_PROVIDER").expect("TEILHABE_OIDC_PROVIDER names the program oidc-provider-mock");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let person = r#"{"sub":"a1","email":"a.adler@stadt.example","email_verified":true}"#;
        let mut command = std::process::Command::new(program);
        command.args(["--require-nonce", "true", "-p", &port.to_string(), "--user-claims", person]);
        let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("the provider");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < until, "the provider did not start");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Self { child, issuer: format!("http://127.0.0.1:{port}") }
    }

    /// Signs the person in at the provider's own page; answers the way back.
    fn agree(&self, asked: &str, subject: &str) -> String {
        assert!(asked.starts_with(&self.issuer), "{asked}");
        let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build();
        let answer = ureq::Agent::from(config).post(asked).send_form([("sub", subject)]).expect("an answer");
        let back = answer.headers().get("location").and_then(|to| to.to_str().ok()).expect("the way back").to_owned();
        back.strip_prefix(&format!("http://{HOST}")).expect("to the office").to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs TEILHABE_OIDC_PROVIDER; scripts/test installs one and runs this"]
async fn a_clerk_signs_in_with_the_municipalitys_own_service() {
    let provider = Provider::start();
    let mut office = with_admin();
    let settings = teilhabe::office::IdentityProvider {
        issuer: provider.issuer.clone(),
        client_id: "but".into(),
        secret: "geheim".to_owned().into(),
        claim: teilhabe::office::Claim::Email,
    };
    let mut stranger = Browser::at(with_admin());
    assert!(!stranger.get("/login").await.text.contains("Anmeldedienst"), "no button where there is no service");
    assert_eq!(stranger.get("/login/service").await.status, StatusCode::NOT_FOUND);
    office.set_identity_provider("cli", Some(&settings), door::now()).expect("set");
    let anna_id = id(&office, "Anna Adler");
    stranger = Browser::at(office);
    assert!(stranger.get("/login").await.text.contains("href=\"/login/service\""));

    let away = stranger.get("/login/service").await;
    let asked = away.location().to_owned();
    assert!(asked.contains("code_challenge_method=S256") && asked.contains("nonce=") && asked.contains("state="), "{asked}");
    keep_cookie(&mut stranger, &away);
    let back = provider.agree(&asked, "a1");
    let nobody = stranger.get(&back).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{}", nobody.text);
    assert!(nobody.text.contains("kein Konto"), "{}", nobody.text);

    let cem = stranger.another().signed_in("Cem Aydin").await;
    let named = cem.post(&format!("/admin/clerks/{anna_id}/external"), &[("external", "A.Adler@stadt.example")]).await;
    assert_eq!(named.status, StatusCode::SEE_OTHER, "{}", named.text);
    let mut anna = stranger.another();
    let away = anna.get("/login/service").await;
    keep_cookie(&mut anna, &away);
    let back = provider.agree(away.location(), "a1");
    let other = stranger.another();
    assert_eq!(other.get(&back).await.status, StatusCode::CONFLICT, "another browser has no use for her way back");
    let forged = back.replace("state=", "state=x");
    let mut twin = stranger.another();
    let twins = twin.get("/login/service").await;
    keep_cookie(&mut twin, &twins);
    assert_eq!(twin.get(&forged).await.status, StatusCode::CONFLICT, "a state that is not hers");
    let arrived = anna.get(&back).await;
    assert_eq!(arrived.status, StatusCode::OK, "{}", arrived.text);
    keep_cookie(&mut anna, &arrived);
    assert!(anna.get("/account").await.text.contains("mit dem Anmeldedienst"), "she is in, and sees how");
    assert_eq!(anna.get(&back).await.status, StatusCode::CONFLICT, "once");

    let berta = stranger.another().signed_in("Berta Busch").await;
    let unasked = berta.post("/account/sign-in", &[("password", "falsch")]).await;
    assert_eq!(unasked.status, StatusCode::UNPROCESSABLE_ENTITY, "a session alone links nothing");
    let away = berta.post("/account/sign-in", &[("password", PASSWORD)]).await;
    let session = berta.cookie.clone();
    let mut berta = berta;
    keep_cookie(&mut berta, &away);
    let taken = berta.get(&provider.agree(&onward(&away), "a1")).await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "that person is Anna already");
    berta.cookie = session.clone();
    let away = berta.post("/account/sign-in", &[("password", PASSWORD)]).await;
    keep_cookie(&mut berta, &away);
    assert_eq!(berta.get(&provider.agree(&onward(&away), "b2")).await.status, StatusCode::OK);
    berta.cookie = session;
    assert!(berta.get("/account").await.text.contains("verbunden"));
    drop(provider);
    let gone = berta.get("/login/service").await;
    assert_eq!(gone.status, StatusCode::BAD_GATEWAY);
    assert!(gone.text.contains("Name und Passwort"), "{}", gone.text);
}

#[tokio::test]
async fn a_password_reset_at_the_server_ends_the_sessions_of_the_running_office() {
    let dir = tempfile::tempdir().expect("a folder");
    let browser = Browser::at(office_town::empty_in(Some(dir.path()), door::now()));
    let anna = browser.signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    assert_eq!(anna.get("/account").await.status, StatusCode::OK);
    let mut at_the_server = teilhabe::office::Office::open(dir.path(), door::os_chance(), door::now()).expect("the office");
    let password = at_the_server.new_clerk("anna adler", door::now()).expect("reset");
    let after = anna.get("/account").await;
    assert_eq!((after.status, after.location()), (StatusCode::SEE_OTHER, "/login"), "her session is over");
    assert_eq!(berta.get("/account").await.status, StatusCode::OK, "others go on");
    let mut anew = anna.another();
    assert_eq!(anew.sign_in("Anna Adler", &password).await.location(), "/login/password", "the new one opens");
}

#[tokio::test]
async fn a_password_that_was_checked_before_a_reset_opens_nothing_after_it() {
    let mut office = with_admin();
    let berta = id(&office, "Berta Busch");
    let check = office.password_check("berta busch").expect("read");
    office.reset_password("cli", berta, door::now()).expect("reset");
    let known = check.holds(PASSWORD).expect("it was the right one when it was asked for");
    assert_eq!(clerks::roles(office.db(), &known.name, known.epoch).expect("read"), None, "a session that begins with it is over");

    // The same over HTTP, where the slow hash gives the reset its time.
    for _ in 0..4 {
        let cem = Browser::at(with_admin()).signed_in("Cem Aydin").await;
        let mut old = cem.another();
        let path = format!("/admin/clerks/{berta}/password");
        let (_, reset) = tokio::join!(old.sign_in("Berta Busch", PASSWORD), cem.post(&path, &[]));
        assert_eq!(reset.status, StatusCode::OK, "{}", reset.text);
        assert_eq!(old.get("/account").await.location(), "/login", "whichever came first");
    }
}

#[tokio::test]
async fn a_password_that_was_checked_before_its_owner_chose_another_opens_nothing_after_it() {
    let new = "grüne Gurken im Garten";
    for _ in 0..4 {
        let anna = Browser::at(with_admin()).signed_in("Anna Adler").await;
        let mut old = anna.another();
        let change = [("old", PASSWORD), ("new", new), ("again", new)];
        let (_, changed) = tokio::join!(old.sign_in("Anna Adler", PASSWORD), anna.post("/account/password", &change));
        assert_eq!(changed.location(), "/account?done=password", "{}", changed.text);
        assert_eq!(old.get("/account").await.location(), "/login", "whichever came first");
        assert_eq!(anna.get("/account").await.status, StatusCode::OK, "who changed it goes on");
    }
}
