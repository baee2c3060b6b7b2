"""PodDiagnoser: a Metacontroller DecoratorController hook that says why containers crashed."""
