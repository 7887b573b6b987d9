//! Who may call what.

use rialto_platform_identity::Permission;
use rialto_platform_identity::Permission::{EsbConfigWrite, EsbInstanceRegister, EsbRead};
use rialto_platform_web::{Access, Endpoint};

const fn line(method: &'static str, path: &'static str, permission: Permission) -> Endpoint {
    Endpoint::new(method, path, Access::Needs(permission))
}

const SERVICE: &str = "/api/esb/v1/services/{namespace}/{group}/{name}";
const ITEM: &str = "/api/esb/v1/configs/{namespace}/{group}/{id}";

/// Every endpoint of this interface.
pub const ENDPOINTS: &[Endpoint] = &[
    line("GET", "/api/esb/v1/services", EsbRead),
    line("GET", SERVICE, EsbRead),
    line("PUT", SERVICE, EsbInstanceRegister),
    line(
        "GET",
        "/api/esb/v1/services/{namespace}/{group}/{name}/watch",
        EsbRead,
    ),
    line(
        "POST",
        "/api/esb/v1/services/{namespace}/{group}/{name}/instances",
        EsbInstanceRegister,
    ),
    line(
        "DELETE",
        "/api/esb/v1/services/{namespace}/{group}/{name}/instances",
        EsbInstanceRegister,
    ),
    line(
        "POST",
        "/api/esb/v1/services/{namespace}/{group}/{name}/beats",
        EsbInstanceRegister,
    ),
    line("GET", "/api/esb/v1/configs", EsbRead),
    // Contents of secret items are shown to those who may open them only.
    line("GET", ITEM, EsbRead),
    line("POST", ITEM, EsbConfigWrite),
    line("PUT", ITEM, EsbConfigWrite),
    line("DELETE", ITEM, EsbConfigWrite),
    line(
        "GET",
        "/api/esb/v1/configs/{namespace}/{group}/{id}/history",
        EsbRead,
    ),
    line(
        "GET",
        "/api/esb/v1/configs/{namespace}/{group}/{id}/content",
        EsbRead,
    ),
    line(
        "POST",
        "/api/esb/v1/configs/{namespace}/{group}/{id}/rollback",
        EsbConfigWrite,
    ),
    line(
        "PUT",
        "/api/esb/v1/configs/{namespace}/{group}/{id}/grey",
        EsbConfigWrite,
    ),
    line(
        "POST",
        "/api/esb/v1/configs/{namespace}/{group}/{id}/grey/end",
        EsbConfigWrite,
    ),
];

const fn nacos(method: &'static str, path: &'static str) -> Endpoint {
    let own = "the accessToken of the login, or a bearer token, whose owner the center then asks";
    Endpoint::new(method, path, Access::Own(own))
}

/// The endpoints of Nacos clients.
pub const NACOS_ENDPOINTS: &[Endpoint] = &[
    Endpoint::new(
        "POST",
        "/nacos/v1/auth/login",
        Access::Own("login and password, or login and one of its API tokens"),
    ),
    nacos("GET", "/nacos/v1/ns/instance"),
    nacos("POST", "/nacos/v1/ns/instance"),
    nacos("PUT", "/nacos/v1/ns/instance"),
    nacos("DELETE", "/nacos/v1/ns/instance"),
    nacos("GET", "/nacos/v1/ns/instance/list"),
    nacos("PUT", "/nacos/v1/ns/instance/beat"),
    nacos("GET", "/nacos/v1/cs/configs"),
    nacos("POST", "/nacos/v1/cs/configs"),
    nacos("DELETE", "/nacos/v1/cs/configs"),
    nacos("POST", "/nacos/v1/cs/configs/listener"),
];
