//! User and password for a mail server, which are never shown.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::authentication::Credentials;

/// The variable of the environment that has the user.
pub const USER_VARIABLE: &str = "EAS_LOG_REPORT_SMTP_USER";
/// The variable of the environment that has the password.
pub const PASSWORD_VARIABLE: &str = "EAS_LOG_REPORT_SMTP_PASSWORD";

/// More than this is no file with two lines.
const LARGEST: u64 = 4096;

/// User and password for a mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
}

/// Names neither the user nor the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

impl Login {
    /// From a file: the user on the first line, the password on the second.
    ///
    /// # Errors
    /// If it cannot be read, if strangers can read it, or if it is not of this form.
    pub fn from_file(path: &Path) -> anyhow::Result<Login> {
        let file = File::open(path).context("cannot be read")?;
        ensure_private(&file)?;
        let mut content = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut content)
            .context("cannot be read")?;
        ensure!(
            content.len() as u64 <= LARGEST,
            "expected the user on the first line and the password on the second; found more than \
             {LARGEST} bytes"
        );
        Login::parse(&content)
    }

    fn parse(content: &[u8]) -> anyhow::Result<Login> {
        let Ok(text) = std::str::from_utf8(content) else {
            bail!("expected a file in UTF-8; save it so (PowerShell: Set-Content -Encoding utf8)");
        };
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        let (user, password) = (lines.next(), lines.next());
        let (Some(user), Some(password)) = (user, password) else {
            bail!("expected the user on the first line and the password on the second");
        };
        ensure!(
            lines.all(str::is_empty),
            "expected nothing below the second line, which has the password"
        );
        Login::new(user, password)
    }

    /// From the environment, if it has one.
    ///
    /// # Errors
    /// If it has only a half of one, or one that cannot be.
    pub fn from_environment() -> anyhow::Result<Option<Login>> {
        let variable = |name: &str| {
            let value = env::var_os(name).filter(|value| !value.is_empty());
            // The error would show the value.
            value.map(|value| match value.into_string() {
                Ok(value) => Ok(value),
                Err(_) => bail!("{name}: expected UTF-8"),
            })
        };
        let user = variable(USER_VARIABLE).transpose()?;
        let password = variable(PASSWORD_VARIABLE).transpose()?;
        match (user, password) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) => Login::new(&user, &password).map(Some),
            (Some(_), None) => bail!("{USER_VARIABLE} is set; {PASSWORD_VARIABLE} is missing"),
            (None, Some(_)) => bail!("{PASSWORD_VARIABLE} is set; {USER_VARIABLE} is missing"),
        }
    }

    fn new(user: &str, password: &str) -> anyhow::Result<Login> {
        for (what, text) in [("user", user), ("password", password)] {
            ensure!(!text.is_empty(), "the {what} is empty");
            ensure!(
                !text.contains(char::is_control),
                "the {what} has a control character"
            );
        }
        Ok(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    pub(super) fn credentials(&self) -> Credentials {
        Credentials::new(self.user.clone(), self.password.clone())
    }

    /// Takes the password out of a text, in every form in which it went over the wire: a server may
    /// repeat what it was told.
    pub(super) fn conceal(&self, text: &str) -> String {
        let plain = format!("\0{}\0{}", self.user, self.password);
        let forms = [
            STANDARD.encode(plain),
            STANDARD.encode(&self.password),
            self.password.clone(),
        ];
        forms.iter().fold(text.to_owned(), |text, form| {
            text.replace(form, "(password)")
        })
    }
}

/// Fails if users other than the owner and its group can read the file, or others than the owner can
/// change it. What the group may read is left to who set it up: systemd's credentials look so.
#[cfg(unix)]
fn ensure_private(file: &File) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = file.metadata().context("cannot be read")?.permissions();
    let mode = mode.mode() & 0o777;
    ensure!(
        mode & 0o027 == 0,
        "holds a password and others can get at it (mode {mode:03o}); expected mode 600, or 640: \
         chmod 600 FILE, and change the password if somebody may have read it"
    );
    Ok(())
}

/// Elsewhere files have access lists, which the folder of a service account sets.
#[cfg(not(unix))]
fn ensure_private(_: &File) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_are_a_login() {
        let want = Login::new("CONTOSO\\reports", "pass word:1").unwrap();
        for content in [
            "CONTOSO\\reports\npass word:1",
            "CONTOSO\\reports\npass word:1\n",
            "\u{feff}CONTOSO\\reports\r\npass word:1\r\n\r\n",
        ] {
            assert!(
                Login::parse(content.as_bytes()).unwrap() == want,
                "{content}"
            );
        }
    }

    #[test]
    fn what_is_no_login_is_refused_without_showing_it() {
        let utf16: Vec<u8> = "u\nhunter2\n"
            .encode_utf16()
            .flat_map(|unit| [0xff, unit.to_le_bytes()[0], unit.to_le_bytes()[1]])
            .collect();
        let cases: [(&[u8], &str); 7] = [
            (b"", "first line"),
            (b"hunter2", "first line"),
            (b"\nhunter2", "the user is empty"),
            (b"user\n\n", "the password is empty"),
            (b"user\nhunter2\nhunter2", "below the second line"),
            (b"user\nhunter2\x07", "the password has a control character"),
            (&utf16, "UTF-8"),
        ];
        for (content, want) in cases {
            let error = format!("{:?}", Login::parse(content).unwrap_err());
            assert!(error.contains(want), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_login_is_not_shown() {
        let login = Login::new("reports", "hunter2").unwrap();
        assert_eq!(format!("{login:?} {login:#?}"), "Login(..) Login(..)");
        let echoes = "535 hunter2 aHVudGVyMg== AHJlcG9ydHMAaHVudGVyMg== for reports";
        assert_eq!(
            login.conceal(echoes),
            "535 (password) (password) (password) for reports"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_strangers_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        std::fs::write(&path, "reports\nhunter2\n").unwrap();
        for (mode, private) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o644, false),
            (0o604, false),
            (0o660, false),
            (0o602, false),
        ] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).unwrap();
            match Login::from_file(&path) {
                Ok(_) => assert!(private, "{mode:o}"),
                Err(error) => {
                    assert!(!private, "{mode:o}: {error:#}");
                    let error = format!("{error:#}");
                    assert!(error.contains(&format!("mode {mode:o}")), "{error}");
                    assert!(error.contains("chmod 600"), "{error}");
                }
            }
        }
    }
}
