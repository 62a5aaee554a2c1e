//! The command of a request.

use core::fmt;

use crate::text::Escaped;

macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident),+ $(,)?) => {
        /// The command of a request (`Cmd=`).
        ///
        /// Names are compared without case, as the server does. Source: MS-ASHTTP 2.2.1.1.1.1 and
        /// 2.2.1.1.1.2, MS-ASCMD; others as noted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Command<'a> {
            $($(#[$doc])* $variant,)+
            /// A name that is not in this list, as the client wrote it.
            Other(&'a [u8]),
        }

        impl<'a> Command<'a> {
            /// Every named command.
            pub const ALL: &'static [Command<'static>] = &[$(Command::$variant),+];

            /// Recognises a name.
            ///
            /// ```
            /// use eas_log_parse::Command;
            /// assert_eq!(Command::parse(b"foldersync"), Command::FolderSync);
            /// assert_eq!(Command::parse(b"Nap"), Command::Other(b"Nap"));
            /// ```
            #[inline]
            pub fn parse(name: &'a [u8]) -> Command<'a> {
                $(
                    if name.eq_ignore_ascii_case(stringify!($variant).as_bytes()) {
                        return Command::$variant;
                    }
                )+
                Command::Other(name)
            }

            /// Its place in [`Command::ALL`], for tables; none for a name that is not there.
            ///
            /// ```
            /// use eas_log_parse::Command;
            /// assert_eq!(Command::ALL[Command::Sync.number().unwrap()], Command::Sync);
            /// assert_eq!(Command::Other(b"Nap").number(), None);
            /// ```
            #[inline]
            pub fn number(self) -> Option<usize> {
                enum Place {
                    $($variant,)+
                }
                match self {
                    $(Command::$variant => Some(Place::$variant as usize),)+
                    Command::Other(_) => None,
                }
            }

            /// The name, as the specification writes it or, if unknown, as the client did.
            pub fn name(self) -> &'a [u8] {
                match self {
                    $(Command::$variant => stringify!($variant).as_bytes(),)+
                    Command::Other(name) => name,
                }
            }
        }
    };
}

commands! {
    /// Waits for changes: Direct Push.
    Ping,
    /// Synchronizes folders; from protocol 12.1 on it can wait for changes too.
    Sync,
    /// Synchronizes the folder hierarchy.
    FolderSync,
    /// Reads or sets out-of-office state, device information and more.
    Settings,
    /// Downloads and acknowledges the mailbox policy.
    Provision,
    /// Fetches items, attachments and documents.
    ItemOperations,
    /// Sends a message.
    SendMail,
    /// Replies to a message without downloading it.
    SmartReply,
    /// Forwards a message without downloading it.
    SmartForward,
    /// Counts what a Sync would bring.
    GetItemEstimate,
    /// Moves items between folders.
    MoveItems,
    /// Accepts or declines a meeting request.
    MeetingResponse,
    /// Searches the mailbox, the address list or a document library.
    Search,
    /// Searches, from protocol 16.1 on.
    Find,
    /// Resolves names, free/busy times and certificates.
    ResolveRecipients,
    /// Validates a certificate.
    ValidateCert,
    /// Fetches an attachment, before protocol 14.0.
    GetAttachment,
    /// Creates a folder.
    FolderCreate,
    /// Deletes a folder.
    FolderDelete,
    /// Renames or moves a folder.
    FolderUpdate,
    /// Lists folders, in protocol 1.0 and 2.0.
    GetHierarchy,
    /// Creates a folder, in old protocols.
    CreateCollection,
    /// Deletes a folder, in old protocols.
    DeleteCollection,
    /// Moves a folder, in old protocols.
    MoveCollection,
    /// `Cmd=Options`, which Outlook mobile sends (observed). Others send the HTTP method OPTIONS
    /// without a command.
    Options,
    /// One Client Access server logs on to another.
    ProxyLogin,
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        assert_eq!(Command::ALL.len(), 26);
        for (number, &command) in Command::ALL.iter().enumerate() {
            assert_eq!(
                Command::parse(&command.name().to_ascii_uppercase()),
                command
            );
            assert_eq!(command.number(), Some(number), "{command}");
        }
    }
}
