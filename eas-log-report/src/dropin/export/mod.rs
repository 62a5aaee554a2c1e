//! The six files of `Export-ActiveSyncLog`.

mod agents;
mod compliance;
mod hours;
mod servers;
mod statuses;
mod texts;
mod users;

use std::io;

use self::agents::Agents;
use self::hours::Hours;
use self::servers::Servers;
use self::statuses::Statuses;
use self::texts::Texts;
use self::users::Users;
use super::Rules;
use super::cell::Table;
use super::items::Logged;
use super::read::Gather;
use super::request::Request;
use crate::privacy::Pseudonyms;

/// What the six files are made of.
pub(super) struct Export {
    rules: Rules,
    texts: Texts,
    users: Users,
    servers: Servers,
    hours: Hours,
    statuses: Statuses,
    agents: Agents,
    bad_values: u64,
}

impl Export {
    pub(super) fn new(rules: Rules) -> Export {
        Export {
            rules,
            texts: Texts::default(),
            users: Users::default(),
            servers: Servers::default(),
            hours: Hours::default(),
            statuses: Statuses::default(),
            agents: Agents::default(),
            bad_values: 0,
        }
    }

    /// Puts pseudonyms in the place of names, once all is taken in.
    pub(super) fn pseudonymize(&mut self, pseudonyms: &Pseudonyms) {
        self.texts.pseudonymize(pseudonyms);
    }

    /// The files in the order in which the cmdlet writes them, with this before their names.
    pub(super) fn files(&self, prefix: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
        let (texts, rules) = (&self.texts, self.rules);
        let compliance = compliance::table(self.users.compliance(), rules)?;
        let tables = [
            ("Users", self.users.table(texts, rules)?),
            ("Servers", self.servers.table(texts, rules)?),
            ("Hourly", self.hours.table(rules)?),
            ("StatusCodes", self.statuses.table(rules)?),
            ("PolicyCompliance", compliance),
            ("UserAgents", self.agents.table(texts, rules)?),
        ];
        let file =
            |(name, table): (&str, Table)| Ok((format!("{prefix}{name}.csv"), table.marked()?));
        tables.into_iter().map(file).collect()
    }
}

impl Gather for Export {
    fn take(&mut self, request: &Request<'_>) {
        let named = self.texts.name(request, self.rules);
        let logged = request
            .log
            .map(|log| Logged::read(log, self.rules))
            .unwrap_or_default();
        self.bad_values += logged.bad_values;
        self.users.take(request, &named, &logged);
        self.servers.take(request, &named);
        self.hours.take(request, &named);
        self.statuses.take(request);
        self.agents.take(&named);
    }

    fn merge(&mut self, other: &Export) {
        let renamed = self.texts.merge(&other.texts, self.rules);
        self.users.merge(&other.users, &renamed);
        self.servers.merge(&other.servers, &renamed);
        self.hours.merge(&other.hours, &renamed);
        self.statuses.merge(&other.statuses);
        self.agents.merge(&other.agents, &renamed);
        self.bad_values += other.bad_values;
    }

    fn bad_values(&self) -> u64 {
        self.bad_values
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::tests::each;
    use super::*;

    const FIELDS: &str = "#Fields: date time s-ip s-computername cs-host cs-uri-stem cs-uri-query \
        cs-username cs(User-Agent) sc-status sc-substatus sc-bytes cs-bytes\n";

    /// What one line says: time, query, user, user agent, status and substatus, bytes.
    type Said<'l> = (&'l str, &'l str, &'l str, &'l str, &'l str, &'l str);

    fn log(lines: &[Said<'_>]) -> String {
        let mut log = FIELDS.to_owned();
        for (time, query, user, agent, status, bytes) in lines {
            log += &format!(
                "{time} 10.0.0.1 CAS1 - /Microsoft-Server-ActiveSync {query} {user} {agent} \
                 {status} {bytes}\n"
            );
        }
        log
    }

    fn export(log: &str, rules: Rules) -> Export {
        let mut export = Export::new(rules);
        each(log, 0, rules, |request| export.take(request));
        export
    }

    /// The rows of a file without its header.
    fn rows(export: &Export, name: &str) -> Vec<String> {
        let files = export.files("").unwrap();
        let (_, content) = files.iter().find(|(found, _)| found == name).unwrap();
        let text = std::str::from_utf8(content).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap();
        assert!(text.ends_with("\r\n"), "{name}");
        text.split_terminator("\r\n")
            .skip(1)
            .map(str::to_owned)
            .collect()
    }

    const AT: &str = "2011-05-06 11:00:00";

    /// The columns of the first row of `Users.csv` for one line with this query.
    fn user_row(query: &str, rules: Rules) -> Vec<String> {
        let export = export(&log(&[(AT, query, "C\\u", "a", "200 0", "5 7")]), rules);
        let rows = rows(&export, "Users.csv");
        assert_eq!(rows.len(), 2);
        rows[0].split(',').map(str::to_owned).collect()
    }

    #[test]
    fn the_headers() {
        let files = Export::new(Rules::Corrected).files("EAS").unwrap();
        let found: Vec<(&str, String, usize)> = files
            .iter()
            .map(|(name, content)| {
                let text = std::str::from_utf8(content).unwrap();
                let header = text.lines().next().unwrap();
                let columns = header.split(',').count();
                (name.as_str(), header.to_owned(), columns)
            })
            .collect();
        let want = [
            (
                "EASUsers.csv",
                "\u{feff}User Name,Device ID,Device Type,Items Sent,Items Received,Hits,\
                 Total Bytes Sent,Total Bytes Received,Total Emails Sent,Total Emails Received,\
                 Total Calendar Sent,Total Calendar Received,Total Contacts Sent,\
                 Total Contacts Received,Total Tasks Sent,Total Tasks Received,Total Notes Sent,\
                 Total Notes Received,Total OOF Messages Set by Client,\
                 Total OOF Messages Retrieved from Server,Total Searches requested,\
                 Total SharePoint Access,Total UNC Access,Total Attachment Downloads,\
                 Total Attachment Size,Currently Compliant with Policy",
                26,
            ),
            (
                "EASServers.csv",
                "\u{feff}Server,Host,IP Address,Average Unique Devices,Hits,Total Bytes Sent,\
                 Total Bytes Received",
                7,
            ),
            (
                "EASHourly.csv",
                "\u{feff}Day,Hour,Unique Devices,Sync Related Requests",
                4,
            ),
            (
                "EASStatusCodes.csv",
                "\u{feff}Status,SubStatus,Hits,Ratio",
                4,
            ),
            (
                "EASPolicyCompliance.csv",
                "\u{feff}Compliance Type,Total,Ratio",
                3,
            ),
            (
                "EASUserAgents.csv",
                "\u{feff}User Agent,Hits,Unique Devices",
                3,
            ),
        ];
        let want: Vec<_> = want
            .map(|(name, head, n)| (name, head.to_owned(), n))
            .into();
        assert_eq!(found, want);
    }

    #[test]
    fn empty_logs_make_all_rows_that_are_always_there() {
        for rules in [Rules::Corrected, Rules::Compat] {
            let export = Export::new(rules);
            let counts = [
                "Users.csv",
                "Servers.csv",
                "Hourly.csv",
                "StatusCodes.csv",
                "PolicyCompliance.csv",
                "UserAgents.csv",
            ]
            .map(|name| rows(&export, name).len());
            assert_eq!(counts, [1, 0, 168, 0, 4, 0]);
            assert_eq!(
                rows(&export, "Users.csv"),
                ["*** Total ***,,,0,0,0,0,0,,,,,,,,,,,,,,,,,,"]
            );
            assert_eq!(rows(&export, "PolicyCompliance.csv")[0], "Unknown,0,");
        }
    }

    #[test]
    fn each_column_of_users() {
        // A query, and the columns that it sets besides hits and bytes, by their number from 1.
        let cases: [(&str, &[(usize, &str)]); 15] = [
            ("Cmd=Ping&DeviceId=D&DeviceType=T", &[(2, "D"), (3, "T")]),
            ("Cmd=SendMail", &[(10, "1")]),
            ("Cmd=smartreply", &[(10, "1")]),
            ("Cmd=SmartForward", &[(10, "1")]),
            ("Cmd=Search", &[(21, "1")]),
            ("Cmd=Settings&Log=Oof:Set_", &[(19, "1")]),
            ("Cmd=Settings&Log=Oof:Get_", &[(20, "1")]),
            ("Cmd=Sync&Log=Oof:Get_", &[]),
            (
                "Cmd=Sync&Log=Ssp1_Unc2_Att3_Attb4_",
                &[(22, "1"), (23, "2"), (24, "3"), (25, "4")],
            ),
            (
                "Cmd=Sync&Log=Fid:1_Ty:Em_Cli:1a2c0d0f0e_Srv:3a4c0d0s0e0r5A0sd_",
                &[(4, "12"), (5, "3"), (9, "12")],
            ),
            (
                "Cmd=Sync&Log=Fid:1_Ty:Ca_Cli:1a2c0d0f0e_Srv:3a4c0d0s0e0r0A0sd_",
                &[(4, "7"), (5, "3"), (11, "7"), (12, "3")],
            ),
            (
                "Cmd=Sync&Log=Fid:1_Ty:Co_Cli:1a2c0d0f0e_Srv:3a4c0d0s0e0r0A0sd_",
                &[(4, "7"), (5, "3"), (13, "7"), (14, "3")],
            ),
            (
                "Cmd=Sync&Log=Fid:1_Ty:Ta_Cli:1a2c0d0f0e_Srv:3a4c0d0s0e0r0A0sd_",
                &[(4, "7"), (5, "3"), (15, "7"), (16, "3")],
            ),
            (
                "Cmd=Sync&Log=Fid:1_Ty:Nt_Cli:1a2c0d0f0e_Srv:3a4c0d0s0e0r0A0sd_",
                &[(4, "7"), (5, "3"), (17, "7"), (18, "3")],
            ),
            ("Cmd=Provision&Log=Pa2_", &[(26, "Partially Compliant")]),
        ];
        for (query, sets) in cases {
            for rules in [Rules::Corrected, Rules::Compat] {
                let mut want = vec!["0".to_owned(); 26];
                for (column, value) in [
                    (1, "C\\u"),
                    (2, ""),
                    (3, ""),
                    (6, "1"),
                    (7, "5"),
                    (8, "7"),
                    (26, "Unknown"),
                ]
                .iter()
                .chain(sets)
                {
                    want[column - 1] = (*value).to_owned();
                }
                assert_eq!(user_row(query, rules), want, "{query} {rules:?}");
            }
        }
    }

    #[test]
    fn rows_of_users_are_folded_and_the_first_names_are_shown() {
        let log = log(&[
            (AT, "DeviceId=dev1", "c\\U1", "a", "401 1", "- -"),
            (
                AT,
                "DeviceId=DEV1&DeviceType=WP",
                "C\\u1",
                "a",
                "500 0",
                "1 2",
            ),
            (
                AT,
                "DeviceId=dev1&DeviceType=X",
                "C\\U1",
                "a",
                "200 0",
                "10 20",
            ),
            (AT, "-", "-", "a", "200 0", "100 200"),
            (AT, "DeviceId=dev1", "-", "a", "200 0", "0 0"),
        ]);
        let export = export(&log, Rules::Corrected);
        let users = rows(&export, "Users.csv");
        let head: Vec<&str> = users
            .iter()
            .map(|row| row.split(",0,0,0").next().unwrap())
            .collect();
        assert_eq!(
            head,
            [
                ",dev1,,0,0,1",
                "c\\U1,dev1,WP,0,0,3,11,22",
                "*** Total ***,,,0,0,4,11,22,,,,,,,,,,,,,,,,,,"
            ],
            "a request of nobody and nothing has no row, and is not in the total"
        );
        assert_eq!(
            rows(&export, "UserAgents.csv"),
            ["a,5,1"],
            "but it is a hit"
        );
    }

    #[test]
    fn the_newest_acknowledgement_tells_compliance() {
        let cases = [
            (&["Pa1_"][..], "Compliant"),
            (&["Pa1_", "Pa2_"], "Partially Compliant"),
            (&["Pa2_", "Pa3_"], "Not Compliant"),
            (&["Pa3_", "Pa0_"], "Not Compliant"),
            (&["Pa1_", "Pa4_"], "Unknown"),
            (&["Pk0_"], "Unknown"),
        ];
        for (logged, want) in cases {
            for rules in [Rules::Corrected, Rules::Compat] {
                let mut log = FIELDS.to_owned();
                // The newest line stands first.
                for (hour, value) in logged.iter().enumerate().rev() {
                    log += &format!(
                        "2011-05-06 0{hour}:00:00 - - - /Microsoft-Server-ActiveSync \
                         DeviceId=d&Log={value} u a 200 0 - -\n"
                    );
                }
                let export = export(&log, rules);
                assert!(rows(&export, "Users.csv")[0].ends_with(want), "{logged:?}");
            }
        }
    }

    #[test]
    fn compliance_is_of_rows() {
        let log = log(&[
            (AT, "DeviceId=1&Log=Pa1_", "u", "a", "200 0", "- -"),
            (AT, "DeviceId=2&Log=Pa3_", "u", "a", "200 0", "- -"),
            (AT, "DeviceId=3", "u", "a", "200 0", "- -"),
            (AT, "DeviceId=3", "u", "a", "200 0", "- -"),
        ]);
        assert_eq!(
            rows(&export(&log, Rules::Compat), "PolicyCompliance.csv"),
            [
                "Unknown,1,0.3333333",
                "Compliant,1,0.3333333",
                "Partially Compliant,0,0",
                "Not Compliant,1,0.3333333"
            ]
        );
    }

    #[test]
    fn servers_average_devices_over_their_days() {
        let line = |day: u32, server: &str, query: &str| {
            format!(
                "2011-05-0{day} 11:00:00 {server} /Microsoft-Server-ActiveSync {query} u a 200 0 1 2\n"
            )
        };
        let log = FIELDS.to_owned()
            + &line(6, "10.0.0.1 CAS1 mail.x", "DeviceId=a")
            + &line(6, "10.0.0.1 cas1 MAIL.x", "DeviceId=A")
            + &line(6, "10.0.0.1 CAS1 mail.x", "DeviceId=b")
            + &line(7, "10.0.0.1 CAS1 mail.x", "DeviceId=b")
            + &line(8, "10.0.0.1 CAS1 mail.x", "-")
            + &line(6, "10.0.0.2 - -", "Cmd=Ping");
        // On two days 2 and 1 devices, or 3 and 1.
        assert_eq!(
            rows(&export(&log, Rules::Corrected), "Servers.csv"),
            [",,10.0.0.2,0,1,1,2", "CAS1,mail.x,10.0.0.1,1,5,5,10"]
        );
        assert_eq!(
            rows(&export(&log, Rules::Compat), "Servers.csv"),
            [",,10.0.0.2,1,1,1,2", "CAS1,mail.x,10.0.0.1,2,5,5,10"]
        );
    }

    #[test]
    fn hours_are_of_the_week_and_as_logged() {
        let log = log(&[
            (
                "2011-05-06 11:00:00",
                "Cmd=Sync&DeviceId=a",
                "u",
                "a",
                "200 0",
                "- -",
            ),
            (
                "2011-05-06 11:59:59",
                "Cmd=getitemestimate&DeviceId=A",
                "u",
                "a",
                "200 0",
                "- -",
            ),
            (
                "2011-05-13 11:30:00",
                "Cmd=Ping&DeviceId=b",
                "u",
                "a",
                "200 0",
                "- -",
            ),
            ("2011-05-08 00:00:00", "Cmd=Sync", "u", "a", "200 0", "- -"),
            ("2011-05-07 23:00:00", "-", "u", "a", "200 0", "- -"),
        ]);
        let found = |rules| -> Vec<String> {
            rows(&export(&log, rules), "Hourly.csv")
                .into_iter()
                .filter(|row| !row.ends_with(",0,0"))
                .collect()
        };
        assert_eq!(found(Rules::Corrected), ["Sunday,0,0,1", "Friday,11,2,2"]);
        assert_eq!(found(Rules::Compat), ["Sunday,0,1,1", "Friday,11,3,2"]);
        let all = rows(&export(&log, Rules::Compat), "Hourly.csv");
        assert_eq!(
            (all[1].as_str(), all[167].as_str()),
            ("Sunday,1,0,0", "Saturday,23,0,0")
        );
    }

    #[test]
    fn statuses_in_the_order_of_numbers() {
        let line = |status| (AT, "Cmd=Sync", "u", "a", status, "- -");
        let logged = log(&[
            line("401 2"),
            line("401 17"),
            line("200 0"),
            line("200 0"),
            line("- -"),
            line("401 -"),
        ]);
        assert_eq!(
            rows(&export(&logged, Rules::Corrected), "StatusCodes.csv"),
            [
                ",,1,0.1666667",
                "200,0,2,0.3333333",
                "401,,1,0.1666667",
                "401,2,1,0.1666667",
                "401,17,1,0.1666667"
            ]
        );
        let compatible = rows(&export(&logged, Rules::Compat), "StatusCodes.csv");
        assert!(
            compatible.iter().all(|row| row.ends_with(",0")),
            "{compatible:?}"
        );
        let one = export(&log(&[line("200 0")]), Rules::Compat);
        assert_eq!(rows(&one, "StatusCodes.csv"), ["200,0,1,1"]);
    }

    #[test]
    fn user_agents_as_logged() {
        let line = |query, agent| (AT, query, "u", agent, "200 0", "- -");
        let log = log(&[
            line("DeviceId=a", "iPhone+1"),
            line("DeviceId=A", "iPhone+1"),
            line("DeviceId=a", "IPHONE+1"),
            line("Cmd=Ping", "IPHONE+1"),
            line("-", "-"),
            line("DeviceId=a", "=cmd|x"),
        ]);
        assert_eq!(
            rows(&export(&log, Rules::Corrected), "UserAgents.csv"),
            [",1,0", "'=cmd|x,1,1", "IPHONE+1,2,1", "iPhone+1,2,1"]
        );
        assert_eq!(
            rows(&export(&log, Rules::Compat), "UserAgents.csv"),
            [",1,0", "=cmd|x,1,1", "iPhone+1,2,2", "IPHONE+1,2,2"]
        );
    }

    /// Some of everything.
    fn many() -> Vec<String> {
        (0..4u32)
            .map(|file| {
                let mut log = FIELDS.to_owned();
                for n in 0..200u32 {
                    let n = n * 7 + file * 31;
                    log += &format!(
                        "2011-05-{:02} {:02}:00:00 10.0.0.{} CAS{} - /Microsoft-Server-ActiveSync \
                         Cmd=Sync&DeviceId={}ev{}&DeviceType=t{}&Log=Pa{}_Ty:Em_Srv:1a0c0d0s0e0r2A0sd_ \
                         {}{} agent{} {} 0 {n} 5\n",
                        n % 28 + 1,
                        n % 24,
                        n % 2,
                        n % 3,
                        ["d", "D"][n as usize % 2],
                        n % 11,
                        n % 5,
                        n % 4,
                        ["u", "U"][n as usize / 2 % 2],
                        n % 9,
                        n % 6,
                        200 + n % 4,
                    );
                }
                log
            })
            .collect()
    }

    #[test]
    fn merging_in_any_order_is_reading_in_one_place() {
        let logs = many();
        for rules in [Rules::Corrected, Rules::Compat] {
            let mut whole = Export::new(rules);
            let parts: Vec<Export> = (0..)
                .zip(&logs)
                .map(|(file, log)| {
                    let mut part = Export::new(rules);
                    each(log, file, rules, |request| part.take(request));
                    each(log, file, rules, |request| whole.take(request));
                    part
                })
                .collect();
            let whole = whole.files("").unwrap();
            for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
                let mut merged = Export::new(rules);
                for part in order {
                    merged.merge(&parts[part]);
                }
                assert_eq!(merged.files("").unwrap(), whole, "{order:?}");
            }
        }
    }
}
