//! French words for closed lists.

use vigie_proto::Channel;

pub(crate) fn channel(of: Channel) -> &'static str {
    match of {
        Channel::Email => "courriel",
        Channel::Sms => "SMS",
        Channel::Screen => "écran",
    }
}
