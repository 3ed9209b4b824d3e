//! The macros that export actions or sensors from a component, or both: [`export_pack!`](crate::export_pack).

/// Exports actions from a component. Takes a list of [`Action`](crate::Action)s. Must be called once, at the top level of
/// a crate of type `cdylib`.
///
/// It also defines a function `petrel_actions()`, with which tests can access the list.
#[macro_export]
macro_rules! export_actions {
    ($($action:expr),+ $(,)?) => {
        $crate::listed!(petrel_actions, "The actions of this component.", $crate::Action, [$($action),+]);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            $crate::exported!(Component actions);
            $crate::exported!(Component description $crate::describe(&petrel_actions()));
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
        $crate::listed!(petrel_sensors, "The sensors of this component.", $crate::PollSensor, [$($sensor),+]);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            $crate::exported!(Component poll_sensors);
            $crate::exported!(Component description $crate::sensor::describe(&petrel_sensors()));
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
        $crate::listed!(petrel_sensors, "The sensors of this component.", $crate::WebhookSensor, [$($sensor),+]);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            $crate::exported!(Component webhook_sensors);
            $crate::exported!(Component description $crate::sensor::describe(&petrel_sensors()));
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
        $crate::listed!(petrel_sensors, "The sensors of this component.", $crate::StreamSensor, [$($sensor),+]);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            $crate::exported!(Component stream_sensors);
            $crate::exported!(Component description $crate::sensor::describe(&petrel_sensors()));
        };
    };
}

/// Exports actions and sensors from one component, the sensors all of one kind. Must be called once, at the top level of a crate
/// of type `cdylib`, with two lists: `actions: [...]`, and one of `poll_sensors: [...]`, `webhook_sensors: [...]` and
/// `stream_sensors: [...]`.
///
/// It also defines the functions `petrel_actions()` and `petrel_sensors()`, with which tests can access the lists.
#[macro_export]
macro_rules! export_pack {
    (actions: [$($action:expr),+ $(,)?], poll_sensors: [$($sensor:expr),+ $(,)?] $(,)?) => {
        $crate::export_pack!(@both poll_sensors $crate::PollSensor, [$($action),+], [$($sensor),+]);
    };
    (actions: [$($action:expr),+ $(,)?], webhook_sensors: [$($sensor:expr),+ $(,)?] $(,)?) => {
        $crate::export_pack!(@both webhook_sensors $crate::WebhookSensor, [$($action),+], [$($sensor),+]);
    };
    (actions: [$($action:expr),+ $(,)?], stream_sensors: [$($sensor:expr),+ $(,)?] $(,)?) => {
        $crate::export_pack!(@both stream_sensors $crate::StreamSensor, [$($action),+], [$($sensor),+]);
    };
    (@both $kind:ident $sensor_type:ty, [$($action:expr),+], [$($sensor:expr),+]) => {
        $crate::listed!(petrel_actions, "The actions of this component.", $crate::Action, [$($action),+]);
        $crate::listed!(petrel_sensors, "The sensors of this component.", $sensor_type, [$($sensor),+]);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            $crate::exported!(Component actions);
            $crate::exported!(Component $kind);
            $crate::exported!(Component description $crate::describe_with(&petrel_actions(), &petrel_sensors()));
        };
    };
}

/// A function that gives a list. For the macros above.
#[doc(hidden)]
#[macro_export]
macro_rules! listed {
    ($name:ident, $about:literal, $item_type:ty, [$($item:expr),+]) => {
        #[doc = $about]
        pub fn $name() -> ::std::vec::Vec<$item_type> {
            ::std::vec![$($item),+]
        }
    };
}

/// An export of a component. For the macros above.
#[doc(hidden)]
#[macro_export]
macro_rules! exported {
    ($component:ident actions) => {
        impl $crate::component::ActionGuest for $component {
            fn run(
                context: $crate::component::WireContext,
                parameters: ::std::string::String,
            ) -> ::std::result::Result<::std::string::String, $crate::component::WireError> {
                $crate::component::run(&petrel_actions(), context, &parameters)
            }
        }

        $crate::component::bindings::export!($component with_types_in $crate::component::bindings);
    };
    ($component:ident description $description:expr) => {
        impl $crate::component::DescriptionGuest for $component {
            fn describe() -> ::std::string::String {
                $description.to_string()
            }
        }

        $crate::component::describing::export!($component with_types_in $crate::component::describing);
    };
    ($component:ident poll_sensors) => {
        impl $crate::component::sensors::poll_sensor::Guest for $component {
            fn poll(
                context: $crate::component::sensors::WireContext,
                cursor: ::std::option::Option<::std::string::String>,
            ) -> ::std::result::Result<$crate::component::sensors::poll_sensor::Polled, $crate::component::WireError> {
                $crate::component::sensors::poll_one(&petrel_sensors(), context, cursor.as_deref())
            }
        }

        $crate::component::sensors::poll::export!($component with_types_in $crate::component::sensors::poll);
    };
    ($component:ident webhook_sensors) => {
        impl $crate::component::sensors::webhook_sensor::Guest for $component {
            fn receive(
                context: $crate::component::sensors::WireContext,
                request: $crate::component::sensors::webhook_sensor::Request,
            ) -> ::std::result::Result<$crate::component::sensors::webhook_sensor::Reply, $crate::component::WireError> {
                $crate::component::sensors::receive_one(&petrel_sensors(), context, request)
            }
        }

        $crate::component::sensors::webhook::export!($component with_types_in $crate::component::sensors::webhook);
    };
    ($component:ident stream_sensors) => {
        impl $crate::component::sensors::stream_sensor::Guest for $component {
            fn run(
                context: $crate::component::sensors::WireContext,
            ) -> ::std::result::Result<(), $crate::component::WireError> {
                $crate::component::sensors::run_one(&petrel_sensors(), context)
            }
        }

        $crate::component::sensors::stream::export!($component with_types_in $crate::component::sensors::stream);
    };
}
