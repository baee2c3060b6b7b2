"""POST /poddiagnosers/sync: act, plan, report."""
