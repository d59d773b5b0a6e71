// A second authority and what it signed, valid from 2020 to 2120; the keys protect nothing but these tests.
extension Certificates {
    /// Signed ``second`` and ``client``.
    static let secondAuthority = """
        -----BEGIN CERTIFICATE-----
        MIIBcjCCARegAwIBAgICIAAwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVR2xhc3Nw
        b3QgdGVzdCBjbGllbnRzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjAgMR4wHAYDVQQDDBVHbGFzc3BvdCB0ZXN0IGNsaWVudHMwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAATMO+jOIJKp+W5s1XssrmxZNkIEibzKcddB1o6lgnvVGNwU
        v6q4jCsfVJk3y/pHM0wUiHQhGKOf95xRHgfapb82oz8wPTAPBgNVHRMBAf8EBTAD
        AQH/MAsGA1UdDwQEAwIBBjAdBgNVHQ4EFgQUFBKlygFBX0km1O5bHKFPplQZsKsw
        CgYIKoZIzj0EAwIDSQAwRgIhAKJsd7xDHWGn5Jv6RvLEkTETtWjb29g4vh6nVw2A
        z/AnAiEA2vMS+1GvZ5uaEqZkhwt24cfZHC8qY/AXekn0IId/8iI=
        -----END CERTIFICATE-----
        """

    /// A server's certificate for localhost and 127.0.0.1.
    static let second = """
        -----BEGIN CERTIFICATE-----
        MIIBpDCCAUqgAwIBAgICIAIwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVR2xhc3Nw
        b3QgdGVzdCBjbGllbnRzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
        AASSIfNsoxGYvozYeply1597dVoiKnZ4IiezEbIVHwbTqEf8wOztbRbK5u190aqD
        n5iHjWEPr6dzIFe0KaZMc99io34wfDAJBgNVHRMEAjAAMBMGA1UdJQQMMAoGCCsG
        AQUFBwMBMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAdBgNVHQ4EFgQUQ3dA
        njjomN5EifIYFJl4SHtvclAwHwYDVR0jBBgwFoAUFBKlygFBX0km1O5bHKFPplQZ
        sKswCgYIKoZIzj0EAwIDSAAwRQIhAPvxy9pQB3EwGmCDN5EwsBErgbDrefGFA0JG
        sI95wtkHAiBKf4Dh9wo1+iPUNk/dNmgQAaYHqYlMSSTEAOMHu7YQxA==
        -----END CERTIFICATE-----
        """

    /// The key of ``second``.
    static let secondKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguSwXPYodk8yUMZt0
        Xche5Oqz5a3VuUEMudM5AgDw+zyhRANCAASSIfNsoxGYvozYeply1597dVoiKnZ4
        IiezEbIVHwbTqEf8wOztbRbK5u190aqDn5iHjWEPr6dzIFe0KaZMc99i
        -----END PRIVATE KEY-----
        """

    /// A client's certificate.
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBfzCCASagAwIBAgICIAEwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVR2xhc3Nw
        b3QgdGVzdCBjbGllbnRzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjAMMQowCAYDVQQDDAFhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvuHM8AUO
        9jWX+Iy4kFYA5p5mCsFKWbxzuVOdKhX6nJxiNcfnoeljQPOpYy7Accf3j2k0IZK3
        LPHvW4djHgYMfqNiMGAwCQYDVR0TBAIwADATBgNVHSUEDDAKBggrBgEFBQcDAjAd
        BgNVHQ4EFgQUrL3Irvi4jKixtDFKFBtOkY5lmtkwHwYDVR0jBBgwFoAUFBKlygFB
        X0km1O5bHKFPplQZsKswCgYIKoZIzj0EAwIDRwAwRAIgVNZkz2d8Cve+rkBqpS8d
        fgTVW7efzlZNEoQDUKu+zJsCICpiWCC5vaXu7zogUNxmbZsdr/Bdn9rNUzBju5bi
        OGl5
        -----END CERTIFICATE-----
        """

    /// The key of ``client``.
    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJT/V7hndT3r1qaY0
        BUDRro2jD1Le9UmIVQyJfMHtp5+hRANCAAS+4czwBQ72NZf4jLiQVgDmnmYKwUpZ
        vHO5U50qFfqcnGI1x+eh6WNA86ljLsBxx/ePaTQhkrcs8e9bh2MeBgx+
        -----END PRIVATE KEY-----
        """

    /// A client's certificate of an authority that nobody knows.
    static let stranger = """
        -----BEGIN CERTIFICATE-----
        MIIBgzCCASigAwIBAgICIAQwCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwOR2xhc3Nw
        b3Qgcm9ndWUwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBUxEzAR
        BgNVBAMMCmEgc3RyYW5nZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATj9XCo
        JpA17f8Yw9pgzDKJ0M669ixi6GcIKZXKGkBriRE1FR7USCmJFs9L5YsnsdeKkhZy
        KArcGU/+kRK1S3rLo2IwYDAJBgNVHRMEAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMC
        MB0GA1UdDgQWBBQ0g5+FBTl6Gg1M8ppSgJKF6QcaFzAfBgNVHSMEGDAWgBQ9MVUv
        AsfsRtS9CgxzTEagZC8MeTAKBggqhkjOPQQDAgNJADBGAiEAzV9zAjYQ6WBVRLK1
        qntxrBr3gBfO1q5klNQlykuXk3ECIQDsDN/rJJ+fQC5mhaLtOQcXAjwhgtksob6r
        RE9w6oyuFg==
        -----END CERTIFICATE-----
        """

    /// The key of ``stranger``.
    static let strangerKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+easqD1OSmffNsk1
        guMfO8Ib7fJqDUJx2bEWUkPx97ChRANCAATj9XCoJpA17f8Yw9pgzDKJ0M669ixi
        6GcIKZXKGkBriRE1FR7USCmJFs9L5YsnsdeKkhZyKArcGU/+kRK1S3rL
        -----END PRIVATE KEY-----
        """
}
