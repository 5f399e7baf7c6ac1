//! Whose each request is: said once, around its handler, so that the store writes it down with whatever the request
//! changes (`berth_store::Act`). Who it is of turns out in the extractors of `auth`, and at hooks by their signatures.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use berth_model::UserId;
use berth_store::{Act, Means};

use crate::{Api, ClientAddress};

/// Middleware: everything below is done for this request.
pub(crate) async fn attribute(request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| *address);
    Act::from(address).cover(next.run(request)).await
}

/// Says whose the request under way is.
pub(crate) fn is_of(user: Option<UserId>, means: Means) {
    if let Some(act) = Act::under_way() {
        act.is_of(user, means);
    }
}

/// Writes down that somebody was not let in. Whether that can be done changes nothing of the answer.
pub(crate) async fn refused_sign_in(api: &Api, account: Option<UserId>) {
    if let Err(error) = api.store.record_refused_sign_in(account).await {
        tracing::warn!(%error, "a refused sign-in is not in the audit log");
    }
}
