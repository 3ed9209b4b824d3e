//! The macros that export actions or sensors from a component.

/// Exports actions from a component. Takes a list of [`Action`](crate::Action)s. Must be called once, at the top level of
/// a crate of type `cdylib`.
///
/// It also defines a function `petrel_actions()`, with which tests can access the list.
#[macro_export]
macro_rules! export_actions {
    ($($action:expr),+ $(,)?) => {
        /// The actions of this component.
        pub fn petrel_actions() -> ::std::vec::Vec<$crate::Action> {
            ::std::vec![$($action),+]
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::component::ActionGuest for Component {
                fn run(
                    context: $crate::component::WireContext,
                    parameters: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, $crate::component::WireError> {
                    $crate::component::run(&petrel_actions(), context, &parameters)
                }
            }

            impl $crate::component::DescriptionGuest for Component {
                fn describe() -> ::std::string::String {
                    $crate::describe(&petrel_actions()).to_string()
                }
            }

            $crate::component::bindings::export!(Component with_types_in $crate::component::bindings);
            $crate::component::describing::export!(Component with_types_in $crate::component::describing);
        };
    };
}

/// Exports sensors from a component: a list of [`PollSensor`](crate::PollSensor)s. Must be called once, at the top level of a
/// crate of type `cdylib`.
///
/// It also defines a function `petrel_sensors()`, with which tests can access the list.
#[macro_export]
macro_rules! export_poll_sensors {
    ($($sensor:expr),+ $(,)?) => {
        /// The sensors of this component.
        pub fn petrel_sensors() -> ::std::vec::Vec<$crate::PollSensor> {
            ::std::vec![$($sensor),+]
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::component::sensors::poll_sensor::Guest for Component {
                fn poll(
                    context: $crate::component::sensors::WireContext,
                    cursor: ::std::option::Option<::std::string::String>,
                ) -> ::std::result::Result<$crate::component::sensors::poll_sensor::Polled, $crate::component::WireError> {
                    $crate::component::sensors::poll_one(&petrel_sensors(), context, cursor.as_deref())
                }
            }

            impl $crate::component::DescriptionGuest for Component {
                fn describe() -> ::std::string::String {
                    $crate::sensor::describe(&petrel_sensors()).to_string()
                }
            }

            $crate::component::sensors::poll::export!(Component with_types_in $crate::component::sensors::poll);
            $crate::component::describing::export!(Component with_types_in $crate::component::describing);
        };
    };
}

/// Exports sensors from a component: a list of [`WebhookSensor`](crate::WebhookSensor)s. Must be called once, at the top level of a
/// crate of type `cdylib`.
///
/// It also defines a function `petrel_sensors()`, with which tests can access the list.
#[macro_export]
macro_rules! export_webhook_sensors {
    ($($sensor:expr),+ $(,)?) => {
        /// The sensors of this component.
        pub fn petrel_sensors() -> ::std::vec::Vec<$crate::WebhookSensor> {
            ::std::vec![$($sensor),+]
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::component::sensors::webhook_sensor::Guest for Component {
                fn receive(
                    context: $crate::component::sensors::WireContext,
                    request: $crate::component::sensors::webhook_sensor::Request,
                ) -> ::std::result::Result<$crate::component::sensors::webhook_sensor::Reply, $crate::component::WireError> {
                    $crate::component::sensors::receive_one(&petrel_sensors(), context, request)
                }
            }

            impl $crate::component::DescriptionGuest for Component {
                fn describe() -> ::std::string::String {
                    $crate::sensor::describe(&petrel_sensors()).to_string()
                }
            }

            $crate::component::sensors::webhook::export!(Component with_types_in $crate::component::sensors::webhook);
            $crate::component::describing::export!(Component with_types_in $crate::component::describing);
        };
    };
}

/// Exports sensors from a component: a list of [`StreamSensor`](crate::StreamSensor)s. Must be called once, at the top level of a
/// crate of type `cdylib`.
///
/// It also defines a function `petrel_sensors()`, with which tests can access the list.
#[macro_export]
macro_rules! export_stream_sensors {
    ($($sensor:expr),+ $(,)?) => {
        /// The sensors of this component.
        pub fn petrel_sensors() -> ::std::vec::Vec<$crate::StreamSensor> {
            ::std::vec![$($sensor),+]
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::component::sensors::stream_sensor::Guest for Component {
                fn run(
                    context: $crate::component::sensors::WireContext,
                ) -> ::std::result::Result<(), $crate::component::WireError> {
                    $crate::component::sensors::run_one(&petrel_sensors(), context)
                }
            }

            impl $crate::component::DescriptionGuest for Component {
                fn describe() -> ::std::string::String {
                    $crate::sensor::describe(&petrel_sensors()).to_string()
                }
            }

            $crate::component::sensors::stream::export!(Component with_types_in $crate::component::sensors::stream);
            $crate::component::describing::export!(Component with_types_in $crate::component::describing);
        };
    };
}
