//! The office over HTTP: who gets in, what terminals get, and a month end with two clerks, through the pages.

mod office_browser;
mod office_town;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use office_browser::{Browser, HOST, KEY, encoded, send};
use office_town::{CANTEEN, Counter, PASSWORD, empty, lived_in};
use teilhabe::office::{NewProvider, Role, Roles, ServiceTerms};
use teilhabe::shell::door;
use teilhabe::shell::web::office::{Door, MAX_EXCHANGE, interfaces, pages};
use teilhabe::words::civil::CivilDay;
use tower::ServiceExt;

/// A path with something in place of every blank.
fn some_path(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

/// What only looks something up, and is sent as a form: so that what is looked for stands in no address, or because the look is long.
const ASKED_BY_FORM: [&str; 2] = ["/cases", "/admin/audit/verify"];

#[tokio::test]
async fn every_page_opens_only_to_those_whose_work_it_is() {
    for role in Role::ALL {
        let roles = Roles::of(&[role]);
        let mut office = empty(door::now());
        office.set_roles("Anna Adler", &roles).expect("roles");
        let browser = Browser::at(office).signed_in("Anna Adler").await;
        for (method, path, door) in pages().into_iter().filter(|(_, path, _)| *path != "/logout") {
            let answer = match method {
                "get" => browser.get(&some_path(path)).await,
                _ => browser.post(&some_path(path), &[]).await,
            };
            assert_eq!(answer.status == StatusCode::FORBIDDEN, !door.opens_to(&roles), "{role:?} {method} {path}: {}", answer.text);
            assert!(!answer.status.is_server_error(), "{role:?} {method} {path}: {}", answer.text);
        }
        for (_, path, door) in pages().into_iter().filter(|(method, _, _)| *method != "get") {
            let changes_nothing = matches!(door, Door::Open | Door::SignedIn | Door::Takes(_)) || ASKED_BY_FORM.contains(&path);
            assert!(matches!(door, Door::Does(_)) || changes_nothing, "{path}: what changes something has a door that says who does it");
            assert!(role != Role::Audit || changes_nothing || !door.opens_to(&roles), "{path}: who audits changes nothing");
        }
    }
    let stranger = Browser::at(empty(door::now()));
    for (method, path, _) in pages().into_iter().filter(|(_, _, door)| *door != Door::Open) {
        let answer = if method == "get" { stranger.get(&some_path(path)).await } else { stranger.post(&some_path(path), &[]).await };
        assert_eq!(answer.location(), "/login", "{method} {path}");
    }
}

#[tokio::test]
async fn a_clerk_signs_in_and_out() {
    let mut browser = Browser::at(empty(door::now()));
    assert_eq!(browser.get("/").await.location(), "/login", "nobody is signed in");
    let wrong = browser.sign_in("Anna Adler", "falsches wort").await;
    assert_eq!((wrong.status, browser.cookie.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert!(wrong.text.contains("Name oder Passwort ist falsch"), "{}", wrong.text);
    let right = browser.sign_in("anna adler", PASSWORD).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/"));
    let cookie = right.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Expires"), "{cookie}");
    assert!(browser.get("/").await.text.contains("Anna Adler"));
    browser.post("/logout", &[]).await;
    assert_eq!(browser.get("/").await.location(), "/login", "the old cookie opens nothing");
}

#[tokio::test]
async fn over_a_wire_the_cookie_is_for_https_alone() {
    let browser = Browser::at(empty(door::now()));
    let form = encoded(&[("name", "Anna Adler"), ("password", PASSWORD)]);
    let ask = |origin: &str| {
        let request = Request::post("/login").header("host", "amt.example").header("origin", origin);
        request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(form.clone())).expect("a request")
    };
    assert_eq!(send(&browser.app, ask("http://amt.example")).await.status, StatusCode::FORBIDDEN, "a password on an open line");
    let answer = send(&browser.app, ask("https://amt.example")).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn ten_wrong_passwords_lock_the_name_even_for_the_right_one() {
    let mut browser = Browser::at(empty(door::now()));
    for _ in 0..10 {
        assert_eq!(browser.sign_in("Anna Adler", "falsch falsch").await.status, StatusCode::UNAUTHORIZED);
    }
    let locked = browser.sign_in("Anna Adler", PASSWORD).await;
    assert_eq!((locked.status, browser.cookie.as_str()), (StatusCode::TOO_MANY_REQUESTS, ""));
    assert!(locked.text.contains("gesperrt"), "{}", locked.text);
    assert_eq!(browser.sign_in("Berta Busch", PASSWORD).await.status, StatusCode::SEE_OTHER, "others go on");
}

#[tokio::test]
async fn without_a_session_there_is_no_page_and_no_data() {
    let browser = Browser::at(empty(door::now()));
    for page in ["/", "/batches", "/batches/00", "/findings", "/lines/00/1", "/settlement", "/settlement/1/x.xml", "/providers"] {
        let answer = browser.get(page).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login"), "{page}");
    }
    for action in ["/reconcile", "/lines/00/1", "/settlement/sign", "/settlement/release", "/providers/101/codes", "/logout"] {
        assert_eq!(browser.post(action, &[]).await.location(), "/login", "{action}");
    }
    for interface in ["/api/v1/batches", "/api/v1/batches/00", "/api/v1/statistics", "/metrics"] {
        let answer = browser.get(interface).await;
        assert_eq!((answer.status, answer.json()["status"].as_u64()), (StatusCode::UNAUTHORIZED, Some(401)), "{interface}");
    }
}

#[tokio::test]
async fn foreign_names_and_foreign_pages_reach_nothing() {
    let browser = Browser::at(empty(door::now())).signed_in("Anna Adler").await;
    for host in ["evil.example", "localhost.evil.example:8090", ""] {
        for path in ["/", "/login", "/api/v1/batches", "/metrics"] {
            let request = Request::get(path).header("host", host).header("cookie", &browser.cookie).header("authorization", format!("Bearer {KEY}"));
            let answer = send(&browser.app, request.body(Body::empty()).expect("a request")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{host} {path}");
        }
    }
    for origin in ["http://evil.example", "null", "http://localhost:8080"] {
        assert_eq!(browser.post_from(origin, "/reconcile", &[]).await.status, StatusCode::FORBIDDEN, "{origin}");
    }
    let silent = Request::post("/reconcile").header("host", HOST).header("cookie", &browser.cookie).body(Body::empty()).expect("a request");
    assert_eq!(send(&browser.app, silent).await.status, StatusCode::FORBIDDEN, "a form that does not say where it comes from");
    assert_eq!(browser.post("/reconcile", &[]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_answer_is_protected_and_pages_hold_no_script() {
    let (office, _) = lived_in(door::now());
    let browser = Browser::at(office).signed_in("Anna Adler").await;
    browser.post("/reconcile", &[]).await;
    for path in ["/", "/batches", "/findings", "/settlement", "/providers", "/login", "/nothing/here", "/healthz", "/assets/office.css"] {
        let answer = browser.get(path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        let from_files = answer.text.matches("<script type=\"module\" src=\"/assets/").count();
        assert_eq!(answer.text.matches("<script").count(), from_files, "{path}: scripts are files of ours");
        assert!(!answer.text.contains(" style=") && !answer.text.contains("<style"), "{path}");
        assert!(!answer.text.contains("4711-"), "{path}: a case reference never leaves the office's tables");
    }
}

#[tokio::test]
async fn rubbish_is_answered_with_one_sentence() {
    let app = Browser::at(empty(door::now())).app;
    let post = |path: &str, body: Vec<u8>| Request::post(path).body(Body::from(body)).expect("a request");
    for (path, body, status) in [
        ("/api/v1/exchange", b"rubbish".to_vec(), StatusCode::BAD_REQUEST),
        ("/api/v1/exchange", Vec::new(), StatusCode::BAD_REQUEST),
        ("/api/v1/exchange", vec![0; 20 * 1024 * 1024], StatusCode::PAYLOAD_TOO_LARGE),
        ("/api/v1/exchange", vec![0; MAX_EXCHANGE], StatusCode::BAD_REQUEST),
        ("/api/v1/enrolments", b"rubbish".to_vec(), StatusCode::BAD_REQUEST),
        ("/api/v1/enrolments", vec![0; 1024 * 1024], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let size = body.len();
        let answer = send(&app, post(path, body)).await;
        assert_eq!(answer.status, status, "{path} {size}: {}", answer.text);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json", "{path} {size}");
        assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{}", answer.text);
    }
    let announced = Request::post("/api/v1/exchange").header("content-length", "20000000").body(Body::empty()).expect("a request");
    assert_eq!(send(&app, announced).await.status, StatusCode::PAYLOAD_TOO_LARGE, "refused before it is read");
}

#[tokio::test]
async fn a_terminal_enrols_exchanges_and_is_seen() {
    let now = door::now();
    let mut office = empty(now);
    let services = vec![ServiceTerms::parse("lunch:lunch:Mittagessen:450", CivilDay::of(now)).expect("a service")];
    let provider = NewProvider { name: "Mensa".into(), iban: "DE44500105175407324931".into(), services };
    let (number, code) = office.add_provider(&provider, now).expect("added");
    let mut counter = Counter::enrol(&mut office, number, "Ausgabe 1", &code.grouped(), 9, now);
    let outbound = counter.outbound(door::now());
    let browser = Browser::at(office).signed_in("Anna Adler").await;
    let ask = |body: &[u8]| Request::post("/api/v1/exchange").header("host", "whatever.example").body(Body::from(body.to_vec())).expect("a request");
    let response = browser.app.clone().oneshot(ask(&outbound)).await.expect("the router never fails");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/octet-stream");
    let inbound = to_bytes(response.into_body(), MAX_EXCHANGE).await.expect("a body");
    counter.take(&inbound, door::now());
    assert!(browser.get(&format!("/providers/{number}")).await.text.contains("Ausgabe 1"));
    let page = browser.post(&format!("/providers/{number}/codes"), &[]).await;
    assert!(page.text.contains("Er wird nur jetzt gezeigt") && page.text.contains("<svg"), "{}", page.text);
    assert!(!browser.get("/providers").await.text.contains("<svg"), "it is shown once");
}

#[tokio::test]
async fn the_interfaces_open_to_the_key_and_to_clerks() {
    let (office, _) = lived_in(door::now());
    let browser = Browser::at(office).signed_in("Anna Adler").await;
    let with_key = async |path: &str| {
        let request = Request::get(path).header("host", HOST).header("authorization", format!("Bearer {KEY}")).body(Body::empty());
        send(&browser.app, request.expect("a request")).await
    };
    let batches = with_key("/api/v1/batches?most=2").await.json();
    assert_eq!(batches["batches"].as_array().map(Vec::len), Some(2));
    assert!(batches["all"].as_u64() > Some(2));
    let id = batches["batches"][0]["batch"].as_str().expect("an id");
    let batch = with_key(&format!("/api/v1/batches/{id}")).await.json();
    assert!(batch["lines"].as_array().is_some_and(|lines| !lines.is_empty()));
    assert!(!batch.to_string().contains("handle"), "no handle leaves the office");
    assert_eq!(browser.get("/api/v1/statistics").await.status, StatusCode::OK, "a clerk's session");
    assert_eq!(with_key("/api/v1/batches/zz").await.status, StatusCode::NOT_FOUND);
    assert_eq!(with_key("/api/v1/batches?skip=x").await.status, StatusCode::BAD_REQUEST);
    for path in ["/print", "/batches", "/findings", "/providers"] {
        let page = browser.get(&format!("{path}?skip={}", u64::MAX)).await;
        assert_eq!(page.status, StatusCode::OK, "{path} {}", page.text);
    }
    let metrics = with_key("/metrics").await.text;
    assert!(new_lines(&metrics) > 1 && metrics.contains("# TYPE teilhabe_batches gauge"), "{metrics}");
}

/// The lines that nothing has decided yet, as the metrics tell it.
fn new_lines(metrics: &str) -> u64 {
    let told = metrics.lines().find_map(|line| line.strip_prefix("teilhabe_open_lines{verdict=\"new\"} "));
    told.and_then(|number| number.parse().ok()).expect("a number of lines")
}

#[tokio::test]
async fn an_office_that_wants_it_reconciles_what_comes_in_by_itself() {
    let (office, _) = lived_in(door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    assert!(new_lines(&anna.get("/metrics").await.text) > 1);
    assert_eq!(anna.post("/admin/reconcile", &[("at_once", "yes")]).await.location(), "/admin/reconcile?done=saved");
    assert!(anna.get("/admin/reconcile").await.text.contains("value=\"yes\" checked"));
    let mut done = false;
    for _ in 0..100 {
        done = new_lines(&anna.get("/metrics").await.text) == 0;
        if done {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(done, "nobody has asked for it, and it is reconciled");
    anna.post("/admin/reconcile", &[]).await;
    assert!(!anna.get("/admin/reconcile").await.text.contains("checked"));
}

#[tokio::test]
async fn two_clerks_bring_a_month_to_its_end() {
    let (office, _) = lived_in(door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    assert!(anna.get("/").await.text.contains("neue Zeilen sind noch nicht geprüft"));
    assert_eq!(anna.post("/reconcile", &[]).await.location(), "/?done=reconciled");

    let group = anna.get("/findings").await.link("/findings/cases?reason=conflict");
    let place = anna.get(&group).await.link("/lines/");
    let finding = anna.get(&place).await;
    assert!(finding.text.contains("Dagegen steht"), "both sides: {}", finding.text);
    let seen = finding.hidden("seen");
    let cut = [("choice", "cut"), ("reason", "clerk_decision"), ("euros", "ein Euro"), ("seen", &seen)];
    assert_eq!(anna.post(&place, &cut).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no amount");
    let invented = [("choice", "accept"), ("reason", "because"), ("seen", &seen)];
    assert_eq!(anna.post(&place, &invented).await.status, StatusCode::UNPROCESSABLE_ENTITY, "a reason of her own");
    let reject = [("choice", "reject"), ("reason", "conflict"), ("note", "mit OGS <b>telefoniert</b>"), ("seen", &seen)];
    let next = anna.post(&place, &reject).await;
    assert!(next.location().ends_with("done=rejected"), "on to the next: {}", next.location());
    let late = berta.post(&place, &[("choice", "accept"), ("reason", "conflict"), ("seen", &seen)]).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "two clerks, one finding");
    assert!(late.text.contains("Jemand war schneller"), "{}", late.text);
    let line = berta.get(&place).await.text;
    assert!(line.contains("Anna Adler: abgelehnt") && line.contains("telefoniert") && !line.contains("<b>telefoniert"), "{line}");

    let plan = anna.get("/settlement").await;
    assert!(plan.text.contains("Judoclub Recklinghausen"), "{}", plan.text);
    let sign = plan.chosen_rows();
    let sign: Vec<_> = sign.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut stale = sign.clone();
    stale.last_mut().expect("a row").1 = "101-0000000000000000";
    assert_eq!(anna.post("/settlement/sign", &stale).await.status, StatusCode::CONFLICT, "not what she saw");
    assert_eq!(anna.post("/settlement/sign", &sign).await.location(), "/settlement?done=signed");
    assert!(anna.get("/settlement").await.text.contains("Sie haben diese Zahlung selbst vorbereitet"));

    let waiting = berta.get("/settlement").await;
    let content = waiting.hidden("content");
    let own = anna.post("/settlement/release", &[("content", &content)]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    assert!(own.text.contains("eine andere Person"), "{}", own.text);
    assert_eq!(berta.post("/settlement/release", &[("content", &content)]).await.location(), "/settlement?done=released");
    assert_eq!(berta.post("/settlement/release", &[("content", &content)]).await.status, StatusCode::CONFLICT, "once");

    assert!(berta.get("/settlement").await.text.contains("href=\"/settlement/1\""));
    let done = berta.get("/settlement/1").await.text;
    let files: Vec<String> =
        done.split("href=\"/settlement/1/").skip(1).filter_map(|rest| rest.split('"').next()).map(|f| format!("/settlement/1/{f}")).collect();
    assert!(files.len() >= 4, "payment file, posting, statements: {done}");
    for file in &files {
        let answer = berta.get(file).await;
        assert_eq!(answer.status, StatusCode::OK, "{file}");
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(!file.contains("statements/") || file.ends_with(".pdf") || policy.contains("sandbox"), "{file}: {policy}");
    }
    assert!(berta.get("/").await.text.contains("Nichts ist zu zahlen"));
}

#[tokio::test]
async fn a_providers_name_is_text_on_every_page() {
    let (office, _) = lived_in(door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    anna.post("/reconcile", &[]).await;
    let batch = anna.get("/api/v1/batches").await.json();
    let of_canteen =
        batch["batches"].as_array().and_then(|all| all.iter().find(|b| b["provider_name"] == CANTEEN)).expect("a batch of the canteen").clone();
    let detail = format!("/batches/{}", of_canteen["batch"].as_str().expect("an id"));
    for path in ["/", "/batches", &detail, "/findings", "/settlement", "/providers"] {
        let text = anna.get(path).await.text;
        assert!(text.contains("Mensa am Wall") && !text.contains("<b>&") && text.contains("&#60;b&#62;"), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_description_and_the_routes_are_the_same() {
    let browser = Browser::at(empty(door::now()));
    let described = browser.get("/openapi.json").await.json();
    let paths = described["paths"].as_object().expect("paths");
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in paths {
        described.extend(methods.as_object().expect("methods").keys().map(|method| (method.clone(), path.clone())));
    }
    let mut served: Vec<(String, String)> = interfaces().into_iter().map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    described.sort();
    served.sort();
    assert_eq!(described, served);
    for (method, path) in described {
        let request = Request::builder().method(method.to_uppercase().as_str()).uri(path.replace("{id}", &"0".repeat(32)));
        let request = request.header("host", HOST).body(Body::empty()).expect("a request");
        let status = send(&browser.app, request).await.status;
        assert!(![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status), "{method} {path}: {status}");
    }
}

/// `PORT=8098 cargo test --test web_office serve_a_small_town -- --ignored` serves it for a look at the pages.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "serves until it is stopped: for a person, or for pictures of the pages"]
async fn serve_a_small_town() {
    let (office, _) = lived_in(door::now());
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8098);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    teilhabe::shell::web::office::serve_on(listener, office, KEY.into(), Vec::new()).await.expect("served");
}

#[tokio::test]
async fn a_key_of_the_office_is_changed_by_two_people_on_a_page() {
    let (mut office, _) = lived_in(door::now());
    office.set_roles("Anna Adler", &Roles::of(&[Role::Admin, Role::Release])).expect("roles");
    office.set_roles("Berta Busch", &Roles::of(&[Role::Release])).expect("roles");
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let page = anna.get("/admin/keys").await;
    assert!(page.text.contains("Vorschlagen: Nächsten Schlüssel ankündigen") && !page.text.contains("Bestätigen und ausführen"), "{}", page.text);
    assert!(!berta.get("/admin/keys").await.text.contains("Vorschlagen: "), "who confirms does not propose");
    let step = [("kind", "tokens"), ("step", "announce")];
    assert_eq!(berta.post("/admin/keys/propose", &step).await.status, StatusCode::FORBIDDEN);
    let unsure = anna.post("/admin/keys/propose", &[("kind", "tokens"), ("step", "withdraw")]).await;
    assert!(unsure.status == StatusCode::UNPROCESSABLE_ENTITY && unsure.text.contains("Haken"), "{}", unsure.text);
    let early = anna.post("/admin/keys/propose", &[("kind", "tokens"), ("step", "switch")]).await;
    assert!(early.status == StatusCode::CONFLICT && early.text.contains("nichts geändert"), "{}", early.text);
    assert_eq!(anna.post("/admin/keys/propose", &step).await.location(), "/admin/keys?done=key_proposed");

    assert!(!anna.get("/").await.text.contains("Schlüsselwechsel bestätigen"), "who proposed it has nothing to confirm");
    assert!(berta.get("/").await.text.contains("Schlüsselwechsel bestätigen"));
    let waiting = berta.get("/admin/keys").await;
    assert!(waiting.text.contains("Vorgeschlagen: Nächsten Schlüssel ankündigen") && waiting.text.contains("Von Anna Adler"), "{}", waiting.text);
    let seen = waiting.hidden("at");
    let confirm = [("kind", "tokens"), ("at", seen.as_str())];
    let own = anna.post("/admin/keys/confirm", &confirm).await;
    assert!(own.status == StatusCode::CONFLICT && own.text.contains("andere Person"), "{}", own.text);
    assert_eq!(berta.post("/admin/keys/confirm", &[("kind", "tokens"), ("at", "1")]).await.status, StatusCode::CONFLICT);
    assert_eq!(berta.post("/admin/keys/confirm", &confirm).await.location(), "/admin/keys?done=key_announced");
    assert_eq!(berta.post("/admin/keys/confirm", &confirm).await.status, StatusCode::CONFLICT, "once");
    let page = anna.get("/admin/keys").await;
    assert!(page.text.contains("0 von 3") && page.text.contains("Sofort in Kraft setzen"), "{}", page.text);
    let log = anna.get("/admin/audit").await.text;
    let told =
        ["vorgeschlagen: Schlüssel der Karten", "erledigt: Schlüssel der Karten", "vorgeschlagen von Anna Adler", "der nächste ist angekündigt"];
    assert!(told.iter().all(|note| log.contains(note)), "{log}");
    anna.post("/admin/keys/propose", &[("kind", "envelope"), ("step", "switch")]).await;
    assert_eq!(berta.post("/admin/keys/decline", &[("kind", "envelope"), ("at", "1")]).await.status, StatusCode::CONFLICT, "another one");
    let seen = berta.get("/admin/keys").await.hidden("at");
    assert_eq!(berta.post("/admin/keys/decline", &[("kind", "envelope"), ("at", &seen)]).await.location(), "/admin/keys?done=key_dropped");
    assert_eq!(anna.post("/admin/keys/propose", &[("kind", "envelope"), ("step", "switch")]).await.status, StatusCode::SEE_OTHER);
    let seen = anna.get("/admin/keys").await.hidden("at");
    assert_eq!(anna.post("/admin/keys/withdraw-proposal", &[("kind", "envelope"), ("at", &seen)]).await.location(), "/admin/keys?done=key_dropped");
}

#[tokio::test]
async fn other_legal_data_are_taken_after_a_look_at_what_they_change() {
    let mut office = empty(door::now());
    office.set_roles("Anna Adler", &Roles::of(&[Role::Admin])).expect("roles");
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let held = anna.get("/admin/legal/file").await.text;
    assert!(anna.get("/admin/legal").await.text.contains("Es gilt die Datei, die mit dem Programm kam"));
    let check = async |content: &[u8]| {
        let head = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.toml\"\r\n\r\n";
        let body = [head.as_slice(), content, b"\r\n--x--\r\n"].concat();
        let request =
            Request::post("/admin/legal/check").header("host", HOST).header("origin", format!("http://{HOST}")).header("cookie", &anna.cookie);
        let request = request.header("content-type", "multipart/form-data; boundary=x").body(Body::from(body));
        send(&anna.app, request.expect("a request")).await
    };
    for (content, said) in [
        (b"".as_slice(), "erst eine Datei"),
        (b"\xff\xfe", "kein Text in UTF-8"),
        (b"[[monthly]]", "keine Datei mit Rechtsdaten"),
        (&[b' '; 50_000], "zu groß"),
    ] {
        let refused = check(content).await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.text.contains(said), "{said}: {}", refused.text);
    }
    assert!(check(held.as_bytes()).await.text.contains("Es gibt nichts zu übernehmen"));
    let next = held.replace("cents = 1500", "cents = 1600").replace('\n', "\r\n");
    let page = check(next.as_bytes()).await;
    assert!(page.text.contains("15,00") && page.text.contains("16,00") && page.text.contains("noch nichts übernommen"), "{}", page.text);
    assert!(!anna.get("/admin/legal").await.text.contains("16,00"), "looked at, and not taken");
    let seen = page.hidden("seen");
    let form = [("seen", seen.as_str()), ("text", &next)];
    assert_eq!(anna.post("/admin/legal", &form).await.location(), "/admin/legal?done=legal");
    let now = anna.get("/admin/legal").await.text;
    assert!(now.contains("16,00") && now.contains("eigene Datei"), "{now}");
    let late = anna.post("/admin/legal", &form).await;
    assert!(late.status == StatusCode::CONFLICT && late.text.contains("Inzwischen hat jemand"), "{}", late.text);
    assert!(anna.get("/admin/audit").await.text.contains("Rechtsdaten übernommen, anders: 1"));
}
