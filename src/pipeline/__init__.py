"""The § 48a SGB II indicators of Germany's jobcenters: from monthly deliveries to published comparison tables."""
