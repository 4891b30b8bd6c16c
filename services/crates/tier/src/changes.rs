//! Changes of the catalog, told by those who make them: whoever hears of one looks at the catalog at once.

use std::time::Duration;

use futures::StreamExt as _;
use model::Result;
use redis::Value;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::Tier;
use crate::connect::{answered, unavailable};

/// Time before the next attempt to hear something.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long nothing is heard before it is asked whether Redis is still there.
const SILENCE: Duration = Duration::from_secs(10);
/// How long making a connection, and the answer to that question, may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// Changes of the catalog as they are heard of, until this is dropped.
pub struct Changes {
    heard: watch::Receiver<u64>,
    _hearing: AbortOnDropHandle<()>,
}

impl Changes {
    /// Waits until the catalog may be another than when this was last called. Changes that nobody told, or that were told while
    /// Redis was away, are not heard of.
    pub async fn next(&mut self) {
        if self.heard.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Tier {
    /// Tells all gateways that the catalog changed. Some may not hear it: they look by themselves, a little later.
    pub async fn tell_change(&self) -> Result<()> {
        self.run::<Value>(redis::cmd("PUBLISH").arg(self.channel()).arg("changed").take()).await.map(|_| ())
    }

    /// Hears of changes of the catalog, whatever becomes of Redis meanwhile.
    pub fn changes(&self) -> Changes {
        let (say, heard) = watch::channel(0);
        let tier = self.clone();
        let hearing = tokio::spawn(async move {
            loop {
                if let Err(error) = tier.hear(&say).await {
                    tracing::debug!(%error, "changes of the catalog are not heard of now");
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        });
        Changes { heard, _hearing: AbortOnDropHandle::new(hearing) }
    }

    /// Hears until the connection is lost.
    async fn hear(&self, say: &watch::Sender<u64>) -> Result<()> {
        let subscribed = async {
            let mut connection = self.servers().subscription().await?;
            answered(connection.subscribe(self.channel()).await)?;
            Ok(connection)
        };
        let connection = tokio::time::timeout(ANSWERED_WITHIN, subscribed).await.map_err(unavailable)??;
        let (mut asking, mut messages) = connection.split();
        // Something may have been told before this was heard.
        say.send_modify(|count| *count += 1);
        loop {
            match tokio::time::timeout(SILENCE, messages.next()).await {
                Ok(Some(_)) => say.send_modify(|count| *count += 1),
                Ok(None) => return Err(unavailable("the connection ended")),
                Err(_) => {
                    let answer = tokio::time::timeout(ANSWERED_WITHIN, asking.ping::<Value>()).await;
                    answered(answer.map_err(unavailable)?)?;
                }
            }
        }
    }

    fn channel(&self) -> String {
        format!("{}:changes", self.settings().prefix)
    }
}
