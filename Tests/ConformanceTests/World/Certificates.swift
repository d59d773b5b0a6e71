// A small authority and a server's certificate, valid from 2020 to 2120 for localhost and 127.0.0.1.
enum Certificates {
    /// Signed the server's certificate.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBdTCCARugAwIBAgICEAAwCgYIKoZIzj0EAwIwIjEgMB4GA1UEAwwXR2xhc3Nw
        b3QgdGVzdCBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAw
        MDBaMCIxIDAeBgNVBAMMF0dsYXNzcG90IHRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEXSrTr5QyB4vgSqa3minm+62ShlzRTTR9oPZp5nMh
        2KXCytsIoSuGodk8SLURrLDupinLWcoRUnHPSbApLw7yJKM/MD0wDwYDVR0TAQH/
        BAUwAwEB/zALBgNVHQ8EBAMCAQYwHQYDVR0OBBYEFLKHPYWVMWggRGfc2Cvez3Mx
        DJIIMAoGCCqGSM49BAMCA0gAMEUCIFu8zyffGAbUL/QEgzk+0X8wKcogqDftlOWK
        wJQt2fMSAiEAjUCj3Eo4kXKba99tDDslLguPhkF4m+UbnVR7133MWjo=
        -----END CERTIFICATE-----
        """

    /// Signed nothing the server has.
    static let otherAuthority = """
        -----BEGIN CERTIFICATE-----
        MIIBczCCARmgAwIBAgICEAEwCgYIKoZIzj0EAwIwITEfMB0GA1UEAwwWQW5vdGhl
        ciB0ZXN0IGF1dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAw
        MFowITEfMB0GA1UEAwwWQW5vdGhlciB0ZXN0IGF1dGhvcml0eTBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABIFpMDOJBI6xt/N2wyMVXK+5CfZYVAhx1wRu3bBGRzhl
        Zkgf2nW4RrVAaha3II+FedniPT5B9PCA9/UNIzB0M3ejPzA9MA8GA1UdEwEB/wQF
        MAMBAf8wCwYDVR0PBAQDAgEGMB0GA1UdDgQWBBTftJ7id0MOizJCXw4ESlobmIWU
        TTAKBggqhkjOPQQDAgNIADBFAiEA3r1IxiW+8V5cydn8tSfCL6a7C+n9RpgGe8je
        1iyGWUQCIDc2U3e+IIUqmFcUllg9GyggWhH0uOOjUzXtVzSujP6F
        -----END CERTIFICATE-----
        """

    /// The server's certificate.
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBpzCCAUygAwIBAgICEAIwCgYIKoZIzj0EAwIwIjEgMB4GA1UEAwwXR2xhc3Nw
        b3QgdGVzdCBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAw
        MDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
        A0IABB8Dbdv+FJF/1FzMBY/RvATjU0qn/nP2cfifmoaK4idiC9pl+/K9+LcaiFQu
        AJMgITMmIiDMVHo+fKwm9PfGfV2jfjB8MAkGA1UdEwQCMAAwEwYDVR0lBAwwCgYI
        KwYBBQUHAwEwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMB0GA1UdDgQWBBRw
        3kvQNvrLba0UO8j+8VXarGMEeDAfBgNVHSMEGDAWgBSyhz2FlTFoIERn3Ngr3s9z
        MQySCDAKBggqhkjOPQQDAgNJADBGAiEAnbLq9ypnCjgz1xBYqV/y4rQB82BQnw4q
        NyVPJqWztNoCIQDWjJcO+Ddf5k/VenyM8mI2pf2yiYxrvW+wsbIP1C31PA==
        -----END CERTIFICATE-----
        """

    /// The key of ``server``; it protects nothing but these tests.
    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRsR2DzYtT0dx41qF
        Tt8NhDVSPo7DbF9CN36xw+N3u82hRANCAAQfA23b/hSRf9RczAWP0bwE41NKp/5z
        9nH4n5qGiuInYgvaZfvyvfi3GohULgCTICEzJiIgzFR6PnysJvT3xn1d
        -----END PRIVATE KEY-----
        """
}
