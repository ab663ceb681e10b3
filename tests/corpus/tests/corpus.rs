//! Every case on the engine, natively and in wasm.

use toolgate_corpus::{Framing, Native, all_with_headers_held};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_engine_does_what_every_case_says() {
    let framings = [Framing::Length, Framing::Chunked, Framing::Trailers];
    let mut run = 0;
    for file in all_with_headers_held() {
        for framing in framings {
            let mut native = Native::new(&file);
            for case in &file.cases {
                if case.call.framing.is_some_and(|only| only != framing) {
                    continue;
                }
                for _ in 0..case.times {
                    run += 1;
                    let at = format!("{}: {} ({framing:?})", file.name, case.name);
                    let got = native.call(&case.call, framing);
                    let (want, forwarded) = (&case.want, case.want.status == 200 && case.want.code.is_none());
                    assert_eq!(got.code, want.code, "{at}");
                    assert_eq!((got.status, &got.reason, &got.rule), (want.status, &want.reason, &want.rule), "{at}");
                    assert_eq!(got.would_deny, want.would_deny, "{at}");
                    let shown = [
                        (&want.arguments, &got.arguments),
                        (&want.argument, &got.argument),
                        (&want.keyword, &got.keyword),
                    ];
                    assert_eq!(got.user, want.user.clone().unwrap_or_default(), "{at}");
                    for (want, got) in shown {
                        assert_eq!(want.as_ref().unwrap_or(got), got, "{at}");
                    }
                    let counted = case.want.counted.clone().into_iter().collect::<Vec<_>>();
                    let mut got_counted = got.counted;
                    got_counted.sort();
                    assert_eq!(got_counted, counted, "{at}");
                    if forwarded && !want.would_deny {
                        assert_eq!(got.trusted_agent.as_deref(), case.trusted_agent(), "{at}");
                        assert_eq!(got.trusted_user, case.want.user, "{at}");
                    }
                }
            }
        }
    }
    assert!(run > 100, "only {run} calls were made");
}
