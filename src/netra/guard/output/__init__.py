"""How findings are shown: text for people, JSON, SARIF for code scanning, annotations for GitHub. Each is a pure function."""
