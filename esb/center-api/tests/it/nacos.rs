use crate::world::World;

#[tokio::test]
async fn who_did_not_sign_in_gets_nothing() {
    for world in World::on_each_engine().await {
        for (what, form) in [
            ("GET /ns/instance/list?serviceName=q", ""),
            ("POST /ns/instance?serviceName=q&ip=10.0.0.1&port=1", ""),
            ("GET /cs/configs?dataId=a&group=G", ""),
            (
                "POST /cs/configs",
                "dataId=a&group=G&content=x&accessToken=rlt_x_y",
            ),
            ("POST /cs/configs/listener", "Listening-Configs=a%02G%02%01"),
            ("POST /auth/login?username=provider&password=wrong", ""),
        ] {
            assert_eq!(world.nacos(what, form).await.told().0, 403, "{what}");
        }
        let login = |user: &str, token: &str| {
            let what = format!("POST /auth/login?username={user}&password={token}");
            let world = &world;
            async move { world.nacos(&what, "").await }
        };
        let own = login("provider", &world.provider).await.is(200);
        assert_eq!(own["accessToken"], world.provider.as_str());
        assert_eq!(login("auditor", &world.provider).await.told().0, 403);
        let token = &world.auditor;
        let form = format!("dataId=a&group=G&content=x&accessToken={token}");
        assert_eq!(world.nacos("POST /cs/configs", &form).await.told().0, 403);
    }
}

#[tokio::test]
async fn an_instance_lives_by_beats_that_may_bring_it_back() {
    for world in World::on_each_engine().await {
        let token = &world.provider;
        let at = format!("serviceName=quote&ip=10.0.0.1&port=80&accessToken={token}");
        let light = world
            .nacos(&format!("PUT /ns/instance/beat?{at}"), "")
            .await
            .is(200);
        assert_eq!(light["code"], 20404);
        let full = "&beat=%7B%22ip%22%3A%2210.0.0.1%22%2C%22port%22%3A80%2C%22weight%22%3A2.0%7D";
        let beat = world
            .nacos(&format!("PUT /ns/instance/beat?{at}{full}"), "")
            .await
            .is(200);
        assert_eq!(
            (&beat["code"], &beat["clientBeatInterval"]),
            (&10200.into(), &5000.into())
        );
        let light = world
            .nacos(&format!("PUT /ns/instance/beat?{at}"), "")
            .await
            .is(200);
        assert_eq!(light["code"], 10200);
        let list = format!("GET /ns/instance/list?serviceName=quote&accessToken={token}");
        let seen = world.nacos(&list, "").await.is(200);
        let host = &seen["hosts"][0];
        assert_eq!(
            (&host["weight"], &host["healthy"]),
            (&2.0.into(), &true.into())
        );
        assert_eq!(host["serviceName"], "DEFAULT_GROUP@@quote");
        let off = format!("PUT /ns/instance?{at}&enabled=false&metadata=a%3D1");
        assert_eq!(world.nacos(&off, "").await.told(), (200, "ok"));
        assert_eq!(
            world.nacos(&list, "").await.is(200)["hosts"],
            serde_json::json!([])
        );
        let one = world
            .nacos(&format!("GET /ns/instance?{at}"), "")
            .await
            .is(200);
        assert_eq!(
            (&one["enabled"], &one["metadata"]["a"]),
            (&false.into(), &"1".into())
        );
        let wrong = format!("POST /ns/instance?{at}&weight=x");
        assert_eq!(world.nacos(&wrong, "").await.told().0, 400);
        for _ in 0..2 {
            let gone = world.nacos(&format!("DELETE /ns/instance?{at}"), "").await;
            assert_eq!(gone.told(), (200, "ok"));
        }
        assert_eq!(
            world
                .nacos(&format!("GET /ns/instance?{at}"), "")
                .await
                .told()
                .0,
            404
        );
    }
}

#[tokio::test]
async fn contents_are_published_listened_to_and_removed() {
    for world in World::on_each_engine().await {
        let token = &world.provider;
        let put = |content: &str| format!("dataId=a&group=G&content={content}&accessToken={token}");
        assert_eq!(
            world.nacos("POST /cs/configs", &put("x%3D1")).await.told(),
            (200, "true")
        );
        let get = format!("GET /cs/configs?dataId=a&group=G&accessToken={token}");
        assert_eq!(world.nacos(&get, "").await.told(), (200, "x=1"));
        let listen = |md5: &str| {
            format!("accessToken={token}&Listening-Configs=a%02G%02{md5}%01b%02G%02%02dev%01")
        };
        let changed = world
            .nacos("POST /cs/configs/listener", &listen("0cc1"))
            .await;
        assert_eq!(changed.told(), (200, "a%02G%01"));
        let known = rialto_esb_center_manager::rules::config::md5("x=1");
        let none = world
            .nacos("POST /cs/configs/listener", &listen(&known))
            .await;
        assert_eq!(none.told(), (200, ""));
        let json = format!("{}&type=json", put("%7B"));
        assert_eq!(world.nacos("POST /cs/configs", &json).await.told().0, 400);
        let list = format!("{get}&search=accurate&pageNo=1&pageSize=9");
        let list = world.nacos(&list, "").await.is(200);
        assert_eq!(
            (&list["totalCount"], &list["pageItems"][0]["content"]),
            (&1.into(), &"x=1".into())
        );
        let gone = format!("DELETE /cs/configs?dataId=a&group=G&accessToken={token}");
        assert_eq!(world.nacos(&gone, "").await.told(), (200, "true"));
        assert_eq!(world.nacos(&get, "").await.told().0, 404);
    }
}
