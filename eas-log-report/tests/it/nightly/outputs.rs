//! Mails and other outputs of a night.

use std::fs;

use mail_parser::MessageParser;

use super::{Site, gzip, log, two_nights};
use crate::run;
use crate::smtp_server::{Server, Setup};

#[test]
fn the_night_mails_watches_and_hides_names() {
    let site = Site::new();
    two_nights(&site, 1);
    two_nights(&site, 2);
    let path = |name: &str| site.folder.path().join(name);
    let config = path("nightly.toml");
    fs::write(path("key"), "some random text for a test\n").unwrap();
    let text = format!(
        "logs = ['{}']\nstore = '{}'\ndate = '2011-05-01'\nformat = ['json']\n\
         fail_on = ['failed>0']\nprometheus = '{}'\npseudonymize = '{}'\n\
         [mail]\nto = ['helpdesk@contoso.com']\nfrom = 'eas@contoso.com'\nwhen = 'changes'\neml = '{}'\n",
        site.logs(),
        site.store(),
        path("eas.prom").display(),
        path("key").display(),
        path("night.eml").display(),
    );
    fs::write(&config, text).unwrap();
    let night = |date: &str| {
        let config = config.to_str().unwrap();
        let (_, err, code) = run(&["nightly", "--config", config, "--date", date]);
        assert!(err.contains("--fail-on failed>0 holds"), "{err}");
        assert_eq!(code, 3, "{err}");
    };
    // On the first night there is nothing to compare with.
    night("2011-05-01");
    assert!(!path("night.eml").exists());
    assert!(
        fs::read_to_string(path("eas.prom"))
            .unwrap()
            .contains("eas_requests ")
    );
    let report = path("store/reports/report-2011-05-01.json");
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("\"user-"), "pseudonyms stand in the report");
    // On the second a device is blocked that was not there, and the mail hides names too.
    let blocked = "2011-05-02 09:00:00 192.0.2.1 POST /Microsoft-Server-ActiveSync/default.eas \
                   User=user99&DeviceId=Appl990AB&DeviceType=iPhone&Cmd=Sync&\
                   Log=V140_Error:DeviceIsBlockedForThisUser_As:BlockedD_ 443 user99 198.51.100.99 \
                   Apple-iPhone3C1/801.293 403 0 0 5\r\n";
    let first = log(0, 2, 1);
    let fields = first
        .lines()
        .find(|line| line.starts_with("#Fields"))
        .unwrap();
    site.write(
        0,
        "u_ex110502_x.log",
        &format!("{fields}\r\n{}", blocked.repeat(3)),
    );
    night("2011-05-02");
    let mail = fs::read_to_string(path("night.eml")).unwrap();
    assert!(mail.contains("helpdesk@contoso.com"), "{mail}");
    let parsed = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let subject = parsed.subject().unwrap();
    assert!(subject.starts_with("ActiveSync 2011-05-02: "), "{subject}");
    assert!(subject.contains(" newly failing"), "{subject}");
    let bodies = [parsed.body_text(0).unwrap(), parsed.body_html(0).unwrap()];
    for body in bodies {
        let (news, findings) = (body.find("What changed"), body.find("Findings ("));
        assert!(news.is_some() && news < findings, "{body}");
        let told = &body[news.unwrap()..findings.unwrap()];
        assert!(told.contains("newly fail"), "{told}");
        assert!(told.contains("; the day before: "), "{told}");
        assert!(told.contains("user-") && !told.contains("Appl"), "{told}");
    }
    // The same again is no news.
    fs::remove_file(path("night.eml")).unwrap();
    night("2011-05-02");
    assert!(!path("night.eml").exists());

    // Spans of the store compare.
    let store = site.store();
    let spans = [
        "compare",
        "--store",
        &store,
        "--before",
        "2011-05-01",
        "--after",
        "2011-05-02",
    ];
    let found = crate::json(&spans);
    assert_eq!(
        found["before_first_seen"].as_str().unwrap()[..10],
        *"2011-05-01"
    );
    assert_eq!(
        found["after_last_seen"].as_str().unwrap()[..10],
        *"2011-05-02"
    );
    for (arguments, says) in [
        (
            &["compare", "--store", &store, "--before", "2011-05-01"][..],
            "expected --after",
        ),
        (
            &[
                "compare", "--store", &store, "--before", "x", "--after", "y",
            ],
            "found 'x'",
        ),
        (
            &[
                "compare",
                "--store",
                &store,
                "--before",
                "2012-01-01",
                "--after",
                "2012-01-02",
            ],
            "no day of that span",
        ),
    ] {
        let (_, err, code) = run(arguments);
        assert_eq!(code, 2);
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn a_mail_that_fails_is_sent_on_the_next_night() {
    let site = Site::new();
    two_nights(&site, 2);
    let night = |date: &str, server: &str| {
        let mail = [
            "--mail-to",
            "it@contoso.com",
            "--mail-from",
            "eas@contoso.com",
        ];
        let by = ["--smtp", server, "--smtp-security", "none", "--date", date];
        site.nightly(&[&mail[..], &by].concat())
    };
    let subjects = |server: Server| -> Vec<String> {
        let mails = server.finish().mails.into_iter();
        mails
            .map(|mail| String::from_utf8(mail.content).unwrap())
            .collect()
    };
    let serve = || {
        let server = Server::start(Setup::default());
        let address = format!("127.0.0.1:{}", server.port());
        (server, address)
    };
    // Nobody listens there.
    let (_, err, code) = night("2011-05-01", "127.0.0.1:1");
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("will be mailed on the next night"), "{err}");
    assert!(err.contains("report of 2011-05-01"), "{err}");
    // This server takes one message, so that the second fails.
    let (server, address) = serve();
    let (_, err, code) = night("2011-05-02", &address);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("report of 2011-05-02"), "{err}");
    let first = subjects(server);
    assert_eq!(first.len(), 1);
    let (server, address) = serve();
    let (_, err, code) = night("2011-05-02", &address);
    assert_eq!(code, 0, "{err}");
    let second = subjects(server);
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    // Nothing is mailed twice.
    let (server, address) = serve();
    let (_, err, code) = night("2011-05-02", &address);
    assert_eq!(code, 0, "{err}");
    assert_eq!(subjects(server).len(), 0);
}

#[test]
fn one_output_that_fails_does_not_lose_the_others() {
    let site = Site::new();
    two_nights(&site, 1);
    let path = |name: &str| site.folder.path().join(name).to_str().unwrap().to_owned();
    let eml = path("night.eml");
    let mail = [
        "--mail-to",
        "it@contoso.com",
        "--mail-from",
        "eas@contoso.com",
        "--eml",
        &eml,
    ];
    fs::write(path("file"), "").unwrap();
    let totals = path("eas.prom");
    let cases = [
        (
            "2011-05-01",
            [
                "--prometheus",
                &path("none/eas.prom"),
                "--out",
                &path("out"),
            ],
            "--prometheus",
        ),
        (
            "2011-05-02",
            ["--prometheus", &totals, "--out", &path("file")],
            "--out",
        ),
    ];
    for (date, more, says) in cases {
        let (_, err, code) = site.nightly(&[&["--date", date], &mail[..], &more].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(says), "{err}");
        assert!(fs::remove_file(&eml).is_ok(), "{says}: the mail is written");
    }
    assert!(fs::exists(path("out/report-2011-05-01.json")).unwrap());
    assert!(fs::exists(totals).unwrap());
}

#[test]
fn a_night_without_logs_is_not_a_good_one() {
    let site = Site::new();
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("no log under --logs"), "{err}");
    fs::write(site.path(0, "notes.txt"), "nothing of interest\n").unwrap();
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 1, "{err}");
    let packed = gzip(log(0, 1, 0).as_bytes());
    fs::write(
        site.path(0, "u_ex110501.log.gz"),
        &packed[..packed.len() / 2],
    )
    .unwrap();
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("u_ex110501.log.gz: read only in part"),
        "{err}"
    );
    let (_, _, code) = run(&["report", "--store", &site.store()]);
    assert_eq!(code, 1, "as a report of the log itself");
    fs::write(site.path(0, "u_ex110501.log.gz"), &packed).unwrap();
    site.night("2011-05-01");
    assert_eq!(site.report(&[])["totals"], site.direct(&[])["totals"]);
}
