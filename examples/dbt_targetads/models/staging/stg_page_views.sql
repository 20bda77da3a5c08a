{{ stage_interactions('page_views') }}
