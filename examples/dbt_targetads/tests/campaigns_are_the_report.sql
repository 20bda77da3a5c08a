-- Joining the campaigns has neither lost nor doubled a row of the report, and the CTR
-- made anew is the API's, as far as that is rounded.
select
    coalesce(r.project_id, p.project_id) as project_id,
    coalesce(r.event_date, p.event_date) as event_date,
    coalesce(r.campaign, p.campaign) as campaign
from {{ ref('stg_media_report') }} as r
full outer join {{ ref('campaign_performance') }} as p
    on
        r.project_id = p.project_id
        and r.event_date = p.event_date
        and r.source = p.source
        and r.campaign = p.campaign
where
    r.project_id is null
    or p.project_id is null
    or coalesce(r.impressions, -1) <> coalesce(p.impressions, -1)
    or coalesce(r.clicks, -1) <> coalesce(p.clicks, -1)
    or coalesce(r.conversions, -1) <> coalesce(p.conversions, -1)
    or coalesce(r.amount, -1) <> coalesce(p.amount, -1)
    or abs(r.ctr - p.ctr) > 1e-4
