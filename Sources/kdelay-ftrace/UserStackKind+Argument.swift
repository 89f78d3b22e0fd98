internal import ArgumentParser
internal import Session

extension UserStackKind: ExpressibleByArgument {}
