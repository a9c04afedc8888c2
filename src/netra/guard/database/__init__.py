"""What sessions, connections and transactions do, for the rules of family D."""
