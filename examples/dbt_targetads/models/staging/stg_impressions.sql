{{ stage_interactions('impressions') }}
