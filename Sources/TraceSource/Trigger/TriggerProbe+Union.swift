extension TriggerProbe {
  /// The probe that is at the sites of both, each once: the same instruction of the same file, by whatever path, is one site. Nil
  /// where one probe cannot be both, as the kernel has no event that is at instructions and at return addresses.
  package func union(_ other: TriggerProbe) -> TriggerProbe? {
    guard case .userSites(var sites, let isReturn) = self, case .userSites(let others, isReturn) = other else {
      return self == other ? self : nil
    }
    struct Place: Hashable {
      var file: FileIdentity?
      /// Where the file is not there.
      var path: String?
      var offset: UInt64

      init(_ site: UserProbeSite) {
        file = FileIdentity(site.path)
        path = file == nil ? site.path : nil
        offset = site.offset
      }
    }
    var positions: [Place: Int] = [:]
    for (position, site) in sites.enumerated() { positions[Place(site)] = position }
    for site in others {
      if let position = positions[Place(site)] {
        sites[position].isShared = sites[position].isShared || site.isShared
      } else {
        positions[Place(site)] = sites.count
        sites.append(site)
      }
    }
    return .userSites(sites, isReturn: isReturn)
  }
}
